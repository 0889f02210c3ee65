//! The whole service in this process, with its real listeners, so that libFuzzer sees which branches a request takes.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;

use super::configuration;
use super::runtime::block_on;
use super::shown::assert_no_canary;

/// What opens the operations listener.
pub const TOKEN: &str = "fuzz-0123456789abcdef";
/// More than any answer.
const LONGEST: u64 = 64 * 1024 * 1024;
const PATIENCE: Duration = Duration::from_secs(20);
/// The statuses that a stranger may get; 500 is none of them.
const STATUSES: [u16; 22] =
    [100, 200, 201, 400, 401, 403, 404, 405, 406, 408, 409, 411, 413, 414, 415, 417, 421, 422, 429, 431, 501, 503];

/// A running service.
pub struct Service {
    /// Where the API listens.
    pub api: SocketAddr,
    /// Where operators are served.
    pub ops: SocketAddr,
}

/// An answer to one request.
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its body.
    pub body: String,
}

/// The service, which is started with the first call and ends with the process.
pub fn service() -> &'static Service {
    static SERVICE: OnceLock<Service> = OnceLock::new();
    SERVICE.get_or_init(|| {
        let [api, ops] = free_ports();
        let folder = folder();
        let mail = folder.join("mail").display().to_string();
        let config = configuration::with(&[
            ("api_listen", &api.to_string()),
            ("ops_listen", &ops.to_string()),
            ("ops_token", TOKEN),
            ("database_url", &format!("sqlite://{}/neodyme.db", folder.display())),
            ("mail_directory", &mail),
            ("trusted_proxies", "127.0.0.0/8"),
            ("password_argon2_memory_kib", "8"),
            ("password_argon2_iterations", "1"),
            ("log_level", "critical"),
            ("log_format", "json"),
        ]);
        let hook = std::panic::take_hook();
        thread::Builder::new().name("service".into()).spawn(|| neodyme::serve::run(config)).expect("a thread");
        await_readiness(ops);
        watch_panics(hook);
        Service { api, ops }
    })
}

impl Service {
    /// Sends bytes and no more, and returns what comes back.
    pub fn hang_up_after(&self, listener: SocketAddr, bytes: &[u8]) -> Vec<u8> {
        block_on(exchange(listener, bytes, true)).unwrap_or_default()
    }

    /// Asks, and reads the answer.
    pub fn ask(&self, listener: SocketAddr, method: &str, target: &str, headers: &[&[u8]], body: &[u8]) -> Answer {
        let mut request =
            format!("{method} {target} HTTP/1.1\r\nHost: {listener}\r\nConnection: close\r\n").into_bytes();
        for header in headers {
            request.extend_from_slice(header);
            request.extend_from_slice(b"\r\n");
        }
        request.extend_from_slice(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes());
        request.extend_from_slice(body);
        let answer = block_on(exchange(listener, &request, false)).expect("the service is there");
        assert_answer(&answer);
        let text = String::from_utf8_lossy(&answer);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text}"));
        Answer { status: status(head).unwrap_or_else(|| panic!("no status: {head}")), body: body.to_owned() }
    }

    /// Fails if a thread of the service panicked, or nobody else is served any more.
    pub fn assert_unharmed(&self) {
        let answer = self.ask(self.ops, "GET", "/health/live", &[], b"");
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert!(!PANICKED.load(Ordering::Relaxed), "a thread of the service panicked");
    }
}

/// Fails if this is no answer that a stranger may get.
pub fn assert_answer(answer: &[u8]) {
    let text = String::from_utf8_lossy(answer);
    assert!(!text.contains("HTTP/1.1 500"), "{text}");
    if let Some(status) = status(&text) {
        assert!(STATUSES.contains(&status), "{text}");
        // Whoever named an id for the request gets that.
        if status >= 400 {
            let id = text.lines().find_map(|line| line.strip_prefix("x-request-id: ")).unwrap_or_default();
            assert_no_canary(&if id.is_empty() { text.to_string() } else { text.replace(id, "") });
        }
    }
}

/// The status, where this is HTTP/1.
fn status(answer: &str) -> Option<u16> {
    answer.strip_prefix("HTTP/1.")?.get(2..5)?.parse().ok()
}

/// Each call is another client, with an address of its own in 127.0.0.0/8: limits per client do not count here.
async fn exchange(listener: SocketAddr, bytes: &[u8], hang_up: bool) -> std::io::Result<Vec<u8>> {
    static CLIENTS: AtomicU32 = AtomicU32::new(0);
    let number = CLIENTS.fetch_add(1, Ordering::Relaxed) % 0xff_0000;
    let socket = TcpSocket::new_v4()?;
    socket.bind((Ipv4Addr::from_bits(0x7f01_0000 + number), 0).into())?;
    let (mut reader, mut writer) = socket.connect(listener).await?.into_split();
    let send = async {
        // The service may have heard enough.
        let _ = writer.write_all(bytes).await;
        if hang_up {
            let _ = writer.shutdown().await;
        }
    };
    let mut answer = Vec::new();
    let receive = async {
        let _ = (&mut reader).take(LONGEST).read_to_end(&mut answer).await;
    };
    tokio::join!(send, receive);
    Ok(answer)
}

fn free_ports() -> [SocketAddr; 2] {
    // Both at once, so that they differ.
    let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").expect("a free port"));
    listeners.map(|listener| listener.local_addr().expect("a bound listener has an address"))
}

/// A new folder. Nobody removes it when the process ends, so those of processes that have ended go now.
fn folder() -> PathBuf {
    let all = std::env::temp_dir().join("neodyme-fuzz");
    fs::create_dir_all(&all).expect("a folder for the service");
    for old in fs::read_dir(&all).expect("the folder is there").flatten() {
        if !PathBuf::from("/proc").join(old.file_name()).exists() {
            let _ = fs::remove_dir_all(old.path());
        }
    }
    let own = all.join(std::process::id().to_string());
    fs::create_dir_all(&own).expect("a folder for the service");
    own
}

fn await_readiness(ops: SocketAddr) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = block_on(exchange(ops, b"GET /health/ready HTTP/1.0\r\n\r\n", false)).unwrap_or_default();
        if answer.starts_with(b"HTTP/1.0 200") {
            return;
        }
        assert!(Instant::now() < deadline, "the service does not start: {}", String::from_utf8_lossy(&answer));
        thread::sleep(Duration::from_millis(20));
    }
}

static PANICKED: AtomicBool = AtomicBool::new(false);

type Hook = Box<dyn Fn(&std::panic::PanicHookInfo<'_>) + Sync + Send>;

/// A request whose handler panics is answered with 500; a panic anywhere else would be seen by nobody. The service's own hook
/// writes to a log that nobody reads here.
fn watch_panics(before: Hook) {
    std::panic::set_hook(Box::new(move |panic| {
        let ours = thread::current().name().is_some_and(|name| name.starts_with("tokio-") || name.starts_with("hash-"));
        PANICKED.fetch_or(ours, Ordering::Relaxed);
        before(panic);
    }));
}
