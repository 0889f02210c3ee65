//! Analytics over TLS: a certificate that verifies, or no event.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use neodyme::analytics::Analytics;
use neodyme::outbox::Reason;
use rcgen::{CertificateParams, KeyPair};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::common::analytics::AnalyticsService;
use crate::fixture::{analytics_at, gone, job, outcome};

/// Where the client of the second test finds the service.
const ADDRESS: &str = "TEST_ANALYTICS_ADDRESS";

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_gets_no_event() {
    let requests = Arc::<AtomicUsize>::default();
    let (address, _) = serve(requests.clone(), 2099);
    gone(&outcome(&over_tls(address), &job()).await.unwrap_err(), Reason::Tls);
    assert_eq!(requests.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_certificate_that_the_system_trusts_gets_the_event() {
    if let Ok(address) = std::env::var(ADDRESS) {
        assert_eq!(outcome(&over_tls(address.parse().unwrap()), &job()).await.unwrap().code, Some(202));
        return;
    }
    let requests = Arc::<AtomicUsize>::default();
    ask_as_one_who_trusts(requests.clone(), 2099, "tls::a_certificate_that_the_system_trusts_gets_the_event");
    assert_eq!(requests.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_certificate_that_has_expired_is_told_from_one_that_nobody_trusts() {
    if let Ok(address) = std::env::var(ADDRESS) {
        gone(&outcome(&over_tls(address.parse().unwrap()), &job()).await.unwrap_err(), Reason::TlsExpired);
        return;
    }
    let name = "tls::a_certificate_that_has_expired_is_told_from_one_that_nobody_trusts";
    ask_as_one_who_trusts(Arc::default(), 2001, name);
}

/// Whom the system trusts is known to a process from its start: the client is this test again, in a process of its own.
fn ask_as_one_who_trusts(requests: Arc<AtomicUsize>, until: i32, test: &str) {
    let (address, certificate) = serve(requests, until);
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(certificate.as_bytes()).unwrap();
    let mut client = Command::new(std::env::current_exe().unwrap());
    client.args(["--exact", test]);
    client.env("SSL_CERT_FILE", file.path()).env_remove("SSL_CERT_DIR").env(ADDRESS, address.to_string());
    let output = client.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[tokio::test]
async fn a_service_without_tls_gets_no_event() {
    let service = AnalyticsService::start().await;
    let address = service.base_url().replace("http://", "").replace("/v1", "").parse().unwrap();
    gone(&outcome(&over_tls(address), &job()).await.unwrap_err(), Reason::Tls);
    assert!(service.received().is_empty());
}

fn over_tls(address: SocketAddr) -> Analytics {
    analytics_at(&format!("https://{address}/v1"), Duration::from_secs(10))
}

/// Answers everything with 202, under a certificate of its own making that is valid until this year, and counts. Returns
/// its address and the certificate.
fn serve(requests: Arc<AtomicUsize>, until: i32) -> (SocketAddr, String) {
    let signing_key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    params.not_after = rcgen::date_time_ymd(until, 1, 1);
    let cert = params.self_signed(&signing_key).unwrap();
    let pem = cert.pem();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let key = signing_key.serialize_der().try_into().unwrap();
    let config = Arc::new(builder.with_no_client_auth().with_single_cert(vec![cert.der().clone()], key).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let _ = converse(stream.unwrap(), config.clone(), &requests);
        }
    });
    (address, pem)
}

fn converse(stream: TcpStream, config: Arc<ServerConfig>, requests: &AtomicUsize) -> std::io::Result<()> {
    let mut stream = StreamOwned::new(ServerConnection::new(config).unwrap(), stream);
    stream.read_exact(&mut [0; 4])?;
    requests.fetch_add(1, Ordering::Relaxed);
    stream.write_all(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
}
