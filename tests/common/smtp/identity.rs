//! The certificate that a mail server shows.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair,
};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::TlsAcceptor;

/// Who the server says it is, and whom the client is told to trust.
#[derive(Clone, Debug)]
pub struct Identity {
    trusted_authority: String,
    config: Arc<ServerConfig>,
}

impl Identity {
    /// The certificate is good.
    pub fn good() -> Identity {
        let authority = authority();
        Identity::signed_by(&authority, authority.pem(), "127.0.0.1", 2099)
    }

    /// The certificate is good, but for another host.
    pub fn of_another_host() -> Identity {
        let authority = authority();
        Identity::signed_by(&authority, authority.pem(), "mail.example.com", 2099)
    }

    /// The certificate's time is over.
    pub fn expired() -> Identity {
        let authority = authority();
        Identity::signed_by(&authority, authority.pem(), "127.0.0.1", 2001)
    }

    /// The certificate comes from somebody whom the client does not know.
    pub fn of_a_stranger() -> Identity {
        Identity::signed_by(&authority(), authority().pem(), "127.0.0.1", 2099)
    }

    /// The server signed its certificate itself, as PostgreSQL's manual (19.9.5) shows: it is that of an authority and
    /// names its host as of old. The client is told to trust exactly this one.
    pub fn self_signed() -> Identity {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "127.0.0.1");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Identity::new(&certificate, &key, certificate.pem())
    }

    fn signed_by(issuer: &CertifiedIssuer<'static, KeyPair>, trusted: String, host: &str, until: i32) -> Identity {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([host.to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(until, 1, 1);
        let certificate = params.signed_by(&key, issuer).unwrap();
        Identity::new(&certificate, &key, trusted)
    }

    fn new(certificate: &Certificate, key: &KeyPair, trusted: String) -> Identity {
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        Identity { trusted_authority: trusted, config: Arc::new(config) }
    }

    pub(super) fn trusted_authority(&self) -> &str {
        &self.trusted_authority
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.config.clone())
    }
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}
