//! What services at the far end of a socket have in common.

use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard};

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::eventually;

/// Talks with whoever connects. The connections end with the task.
pub async fn accept<F: Future<Output = ()> + Send + 'static>(
    listener: TcpListener,
    converse: impl Fn(TcpStream, SocketAddr) -> F,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Ok((stream, client)) = listener.accept() => {
                connections.spawn(converse(stream, client));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Listens at a port that was left a moment ago. A process that is being started has a copy of the socket until it runs its program.
pub async fn listen(address: SocketAddr) -> TcpListener {
    eventually(&format!("{address} is free"), async || TcpListener::bind(address).await.ok()).await
}

/// What it knows, also after a test that panicked.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
