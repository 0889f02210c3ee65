//! A way to something at the far end of a socket that can be slowed, blocked and cut; it counts who takes it.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::eventually;

/// What becomes of what is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// It arrives.
    Clear,
    /// Each answer arrives so much later.
    Slow(Duration),
    /// It is taken, and does not arrive. The connections stay.
    Blocked,
    /// What is asked arrives, and no answer does.
    Unanswered,
    /// The connections break, and each new one at once.
    Cut,
}

/// The way to one address.
pub struct Proxy {
    address: SocketAddr,
    way: watch::Sender<Way>,
    target: Arc<Mutex<String>>,
    counts: Arc<Counts>,
    running: JoinHandle<()>,
}

#[derive(Default)]
struct Counts {
    accepted: AtomicUsize,
    open: AtomicUsize,
    most_open: AtomicUsize,
}

impl Proxy {
    /// A clear way to this address.
    pub async fn to(target: &str) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (way, counts) = (watch::Sender::new(Way::Clear), Arc::<Counts>::default());
        let target = Arc::new(Mutex::new(target.to_owned()));
        let running = tokio::spawn(accept(listener, target.clone(), way.clone(), counts.clone()));
        Proxy { address, way, target, counts, running }
    }

    /// Its end of the way.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on it is like this, for connections that stand as well.
    pub fn set(&self, way: Way) {
        self.way.send_replace(way);
    }

    /// Breaks the connections that stand, and no others.
    pub async fn break_connections(&self) {
        self.set(Way::Cut);
        let broken = async || (self.counts.open.load(SeqCst) == 0).then_some(());
        eventually("the connections are broken", broken).await;
        self.set(Way::Clear);
    }

    /// From now on it leads to this address; connections that stand lead where they did.
    pub fn lead_to(&self, target: &str) {
        *self.target.lock().unwrap() = target.to_owned();
    }

    /// How many connections there were.
    pub fn accepted(&self) -> usize {
        self.counts.accepted.load(SeqCst)
    }

    /// How many connections there were at once, at most.
    pub fn most_open(&self) -> usize {
        self.counts.most_open.load(SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.running.abort();
        self.way.send_replace(Way::Cut);
    }
}

async fn accept(listener: TcpListener, target: Arc<Mutex<String>>, way: watch::Sender<Way>, counts: Arc<Counts>) {
    loop {
        let (client, _) = listener.accept().await.unwrap();
        counts.accepted.fetch_add(1, SeqCst);
        let open = counts.open.fetch_add(1, SeqCst) + 1;
        counts.most_open.fetch_max(open, SeqCst);
        let target = target.lock().unwrap().clone();
        let (way, counts) = (way.subscribe(), counts.clone());
        tokio::spawn(async move {
            carry(client, &target, way).await;
            counts.open.fetch_sub(1, SeqCst);
        });
    }
}

/// Carries both directions until either end closes, or the way is cut.
async fn carry(client: TcpStream, target: &str, way: watch::Receiver<Way>) {
    let mut cut = way.clone();
    let carrying = async {
        let Ok(server) = TcpStream::connect(target).await else { return };
        let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
        tokio::select! {
            () = pump(from_client, to_server, way.clone(), false) => {}
            () = pump(from_server, to_client, way, true) => {}
        }
    };
    tokio::select! {
        () = carrying => {}
        _ = cut.wait_for(|way| *way == Way::Cut) => {}
    }
}

async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut way: watch::Receiver<Way>, is_answer: bool) {
    let (mut bytes, mut held) = (vec![0; 16 * 1024], Vec::new());
    loop {
        // An end that closes is noticed also while the way is blocked.
        tokio::select! {
            read = from.read(&mut bytes) => match read {
                Ok(read @ 1..) => held.extend_from_slice(&bytes[..read]),
                _ => return,
            },
            now = clear(&mut way, is_answer), if !held.is_empty() => {
                if let (Way::Slow(time), true) = (now, is_answer) {
                    tokio::time::sleep(time).await;
                }
                if to.write_all(&std::mem::take(&mut held)).await.is_err() {
                    return;
                }
            }
        }
    }
}

async fn clear(way: &mut watch::Receiver<Way>, is_answer: bool) -> Way {
    let is_clear = |way: &Way| *way != Way::Blocked && !(is_answer && *way == Way::Unanswered);
    way.wait_for(is_clear).await.map_or(Way::Cut, |way| *way)
}
