//! A listener: accepts connections within a limit, serves them, and drains them at the end.

mod activity;
mod connection;
mod refusal;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use slog::{Logger, warn};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use self::connection::Connection;
use crate::config::HttpConfig;
use crate::http::Service;
use crate::lifecycle::{Lifecycle, Phase};
use crate::logging::{Exception, context};
use crate::metrics::{self, ConnectionResult};

const FIRST_BACK_OFF: Duration = Duration::from_millis(5);
const LONGEST_BACK_OFF: Duration = Duration::from_secs(1);

/// One listener with what it serves.
pub struct Server<S> {
    listener: TcpListener,
    service: Arc<Service<S>>,
    limits: HttpConfig,
    lifecycle: Lifecycle,
    log: Logger,
    slots: Arc<Semaphore>,
    connections: TaskTracker,
}

impl<S: Send + Sync + 'static> Server<S> {
    /// Serves on a bound listener, once [`Server::run`] is called.
    pub fn new(
        listener: TcpListener,
        service: Service<S>,
        limits: HttpConfig,
        lifecycle: Lifecycle,
        log: Logger,
    ) -> Self {
        let slots = Arc::new(Semaphore::new(limits.max_connections.min(Semaphore::MAX_PERMITS)));
        let (service, connections) = (Arc::new(service), TaskTracker::new());
        Server { listener, service, limits, lifecycle, log, slots, connections }
    }

    /// Accepts until the service closes, then waits for the connections to finish what they began. The caller sets the
    /// deadline: dropping this future leaves the rest behind.
    pub async fn run(self) {
        self.accept_until_closing().await;
        self.accept_backlog();
        let Server { listener, connections, .. } = self;
        drop(listener);
        connections.close();
        connections.wait().await;
    }

    async fn accept_until_closing(&self) {
        let mut closing = std::pin::pin!(self.lifecycle.reached(Phase::Closing));
        let mut back_off = FIRST_BACK_OFF;
        loop {
            let accepted = tokio::select! {
                biased;
                () = &mut closing => return,
                accepted = self.listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => {
                    back_off = FIRST_BACK_OFF;
                    self.take(stream, peer);
                }
                Err(error) => back_off = self.wait_after(&error, back_off).await,
            }
        }
    }

    /// A client that the kernel let in before the end is not turned away.
    fn accept_backlog(&self) {
        while let Some(Ok((stream, peer))) = self.listener.accept().now_or_never() {
            self.take(stream, peer);
        }
    }

    fn take(&self, stream: TcpStream, peer: SocketAddr) {
        let Ok(slot) = Arc::clone(&self.slots).try_acquire_owned() else {
            metrics::connection_refused();
            refusal::refuse(stream);
            return;
        };
        let connection = Connection {
            service: Arc::clone(&self.service),
            limits: self.limits.clone(),
            lifecycle: self.lifecycle.clone(),
            log: self.log.clone(),
            peer: peer.ip(),
        };
        self.connections.spawn(async move {
            connection.serve(stream).await;
            drop(slot);
        });
    }

    /// A connection that broke before it was accepted is its client's affair; anything else (no file descriptors, no
    /// memory) will not be better at once.
    async fn wait_after(&self, error: &io::Error, back_off: Duration) -> Duration {
        metrics::connection_result(ConnectionResult::IoError);
        use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
        if matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted) {
            return back_off;
        }
        warn!(self.log, "Connections cannot be accepted";
            "context" => context(serde_json::json!({ "retry_ms": back_off.as_millis() as u64 })),
            "exception" => Exception::of(error));
        tokio::time::sleep(back_off).await;
        (back_off * 2).min(LONGEST_BACK_OFF)
    }
}
