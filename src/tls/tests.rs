//! Handshakes, with every kind of certificate that people make for a server of their own.

use std::net::IpAddr;

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair,
    SanType,
};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::*;

const HOST: &str = "db.example.com";

/// What `openssl req -new -x509 -subj /CN=db.example.com` makes, as PostgreSQL's manual (19.9.5) has it: an authority
/// without a subjectAltName.
fn as_in_the_manual() -> CertificateParams {
    let mut params = named(HOST);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

fn named(common_name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params
}

fn with_alternative_names(names: &[&str]) -> CertificateParams {
    CertificateParams::new(names.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap()
}

/// A server's certificate and its key.
struct Identity(Certificate, KeyPair);

impl Identity {
    fn self_signed(params: &CertificateParams) -> Self {
        let key = KeyPair::generate().unwrap();
        Self(params.self_signed(&key).unwrap(), key)
    }

    fn signed_by(issuer: &CertifiedIssuer<'_, KeyPair>, params: &CertificateParams) -> Self {
        let key = KeyPair::generate().unwrap();
        Self(params.signed_by(&key, issuer).unwrap(), key)
    }

    fn pem(&self) -> String {
        self.0.pem()
    }
}

fn issuer(params: CertificateParams) -> CertifiedIssuer<'static, KeyPair> {
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// Connects to this server, trusting what this file holds.
async fn connect(server: &Identity, host: &str, file: &str) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trusted.pem");
    std::fs::write(&path, file).unwrap();
    let client = TlsConnector::from(Arc::new(client_config(Some(&path), "sslrootcert")?));

    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(server.1.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![server.0.der().clone()], key)
        .unwrap();
    let (near, far) = tokio::io::duplex(65536);
    let accepting = tokio::spawn(async move { TlsAcceptor::from(Arc::new(config)).accept(far).await.map(drop) });
    let connected = client.connect(ServerName::try_from(host.to_owned()).unwrap(), near).await;
    let _ = accepting.await;
    connected.map(drop).map_err(|error| error.to_string())
}

#[tokio::test]
async fn a_certificate_made_as_the_manual_of_postgresql_shows_is_trusted_when_it_is_named() {
    let server = Identity::self_signed(&as_in_the_manual());
    connect(&server, HOST, &format!("Certificate:\n    Data:\n{}", server.pem())).await.unwrap();
    connect(&server, "DB.Example.com", &server.pem()).await.unwrap();
}

#[tokio::test]
async fn a_self_signed_certificate_of_any_making_is_trusted_when_it_is_named() {
    let address: IpAddr = [10, 0, 0, 7].into();
    let mut explicit = with_alternative_names(&[HOST, "10.0.0.7"]);
    explicit.is_ca = IsCa::ExplicitNoCa;
    assert!(explicit.subject_alt_names.contains(&SanType::IpAddress(address)));
    for params in [with_alternative_names(&[HOST, "10.0.0.7"]), explicit] {
        let server = Identity::self_signed(&params);
        for host in [HOST, "10.0.0.7"] {
            connect(&server, host, &server.pem()).await.unwrap();
        }
    }
}

#[tokio::test]
async fn several_are_trusted_from_one_file() {
    let (first, second) =
        (Identity::self_signed(&as_in_the_manual()), Identity::self_signed(&with_alternative_names(&[HOST])));
    let file = first.pem() + &second.pem();
    connect(&first, HOST, &file).await.unwrap();
    connect(&second, HOST, &file).await.unwrap();
}

#[tokio::test]
async fn a_certificate_for_one_server_vouches_for_no_other() {
    let pinned = issuer(with_alternative_names(&["other.example.com"]));
    let server = Identity::signed_by(&pinned, &with_alternative_names(&[HOST]));
    let error = connect(&server, HOST, &pinned.pem()).await.unwrap_err();
    assert!(error.contains("UnknownIssuer"), "{error}");
}

#[tokio::test]
async fn an_authority_vouches_for_its_servers() {
    let authority = issuer(as_in_the_manual());
    let server = Identity::signed_by(&authority, &with_alternative_names(&[HOST]));
    connect(&server, HOST, &authority.pem()).await.unwrap();
    let error = connect(&server, "other.example.com", &authority.pem()).await.unwrap_err();
    assert!(error.contains("not valid for name \"other.example.com\""), "{error}");
}

#[tokio::test]
async fn a_pinned_certificate_is_for_its_host_and_its_time() {
    let server = Identity::self_signed(&as_in_the_manual());
    let error = connect(&server, "other.example.com", &server.pem()).await.unwrap_err();
    assert!(error.contains("certificate is for db.example.com, you asked for other.example.com: ask for"), "{error}");
    let server = Identity::self_signed(&with_alternative_names(&[HOST]));
    let error = connect(&server, "other.example.com", &server.pem()).await.unwrap_err();
    assert!(error.contains("not valid for name \"other.example.com\""), "{error}");
    for (from, until, says) in [(1999, 2001, "certificate expired"), (2090, 2099, "certificate not valid yet")] {
        let mut params = as_in_the_manual();
        params.not_before = rcgen::date_time_ymd(from, 1, 1);
        params.not_after = rcgen::date_time_ymd(until, 1, 1);
        let server = Identity::self_signed(&params);
        let error = connect(&server, HOST, &server.pem()).await.unwrap_err();
        assert!(error.contains(says), "{error}");
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_certificate_is_said_with_what_to_do() {
    let (server, another) = (Identity::self_signed(&as_in_the_manual()), Identity::self_signed(&as_in_the_manual()));
    let error = connect(&server, HOST, &another.pem()).await.unwrap_err();
    let remedy = "is that of an authority (CA:TRUE): put exactly this one into the file of sslrootcert";
    assert!(error.contains(remedy), "{error}");
    let authority = issuer(as_in_the_manual());
    let nameless = Identity::signed_by(&authority, &named(HOST));
    let error = connect(&nameless, HOST, &authority.pem()).await.unwrap_err();
    let remedy =
        "names no host in a subjectAltName: make one with `openssl req -x509 … -addext subjectAltName=DNS:HOST`";
    assert!(error.contains(remedy), "{error}");
}

#[tokio::test]
async fn a_file_that_cannot_be_used_is_named() {
    let server = Identity::self_signed(&as_in_the_manual());
    for (file, says) in [
        ("", "it holds no certificate"),
        ("-----BEGIN CERTIFICATE-----\nMAo=\n-----END CERTIFICATE-----\n", "trusted.pem cannot be used: "),
        ("-----BEGIN CERTIFICATE-----\n", "trusted.pem cannot be used: "),
    ] {
        let error = connect(&server, HOST, file).await.unwrap_err();
        assert!(error.contains(says), "{error}");
    }
}
