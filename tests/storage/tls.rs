//! TLS to PostgreSQL: verified, or refused.

use neodyme::store::Db;
use rcgen::{BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tempfile::TempDir;

use crate::common::database::Database;
use crate::common::eventually;
use crate::common::postgres::Cluster;
use crate::fixture::{self, execute_on_postgres, message, register, user};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_is_trusted_only_with_a_certificate_that_verifies() {
    let cluster = Cluster::start();
    let url = cluster.create_database();
    let folder = tempfile::tempdir().unwrap();
    let authority = authority();
    let trusted = write(&folder, "authority.pem", &authority.pem());
    let stranger = write(&folder, "stranger.pem", &self::authority().pem());

    // Without TLS on the server.
    refused(&format!("{url}?sslmode=verify-full&sslrootcert={trusted}"), "TLS").await;
    serve_tls(&url, &authority).await;

    for mode in ["verify-full", "require"] {
        let url = format!("{url}?sslmode={mode}&sslrootcert={trusted}");
        let db = Db::connect(&fixture::config(&Database::Postgres(url))).await.unwrap();
        db.migrate().await.unwrap();
        register(&db, &user(&format!("{mode}@example.com"))).await.unwrap();
    }
    refused(&format!("{url}?sslmode=verify-full&sslrootcert={stranger}"), "invalid peer certificate").await;
    let other_name = url.replace("127.0.0.1", "localhost");
    refused(&format!("{other_name}?sslmode=require&sslrootcert={trusted}"), "not valid for name").await;
}

/// As in the manual: `openssl req -new -x509 -nodes -subj "/CN=localhost"` makes an authority without a subjectAltName.
/// <https://www.postgresql.org/docs/current/ssl-tcp.html#SSL-CERTIFICATE-CREATION>
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_self_signed_certificate_is_trusted_when_it_is_given() {
    let cluster = Cluster::start();
    let url = cluster.create_database();
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = self_signed("localhost");
    install(&url, &certificate, &key).await;
    let (mine, others) = (write(&folder, "server.crt", &certificate.pem()), self_signed("localhost").0.pem());
    let others = write(&folder, "others.crt", &others);

    let by_name = url.replace("127.0.0.1", "localhost");
    let db = format!("{by_name}?sslmode=verify-full&sslrootcert={mine}");
    Db::connect(&fixture::config(&Database::Postgres(db))).await.unwrap();
    refused(&format!("{by_name}?sslmode=verify-full&sslrootcert={others}"), "put exactly this one").await;
    refused(&format!("{url}?sslmode=verify-full&sslrootcert={mine}"), "is for localhost, you asked for 127.0.0.1")
        .await;
    refused(&format!("{by_name}?sslmode=verify-full"), "sslrootcert").await;
}

fn self_signed(host: &str) -> (Certificate, KeyPair) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, host);
    let key = KeyPair::generate().unwrap();
    (params.self_signed(&key).unwrap(), key)
}

async fn refused(url: &str, says: &str) {
    let error = Db::connect(&fixture::config(&Database::Postgres(url.to_owned()))).await.err().unwrap();
    assert!(message(&error).contains(says), "{}", message(&error));
}

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn write(folder: &TempDir, name: &str, text: &str) -> String {
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Hands the server a certificate for 127.0.0.1 and waits until it is in use.
async fn serve_tls(url: &str, authority: &Authority) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    install(url, &params.signed_by(&key, authority).unwrap(), &key).await;
}

/// Hands the server this certificate and waits until it is in use.
async fn install(url: &str, certificate: &Certificate, key: &KeyPair) {
    for (file, text) in [("server.crt", certificate.pem()), ("server.key", key.serialize_pem())] {
        let lines = format!("SELECT unnest(string_to_array('{text}', E'\\n'))");
        execute_on_postgres(url, &format!("COPY ({lines}) TO PROGRAM 'umask 077 && cat > {file}'")).await;
    }
    execute_on_postgres(url, "ALTER SYSTEM SET ssl = on").await;
    execute_on_postgres(url, "SELECT pg_reload_conf()").await;
    let ssl = Database::Postgres(url.to_owned());
    eventually("TLS is on", async || {
        (ssl.texts("SELECT setting AS text FROM pg_settings WHERE name = 'ssl'").await == ["on"]).then_some(())
    })
    .await;
}
