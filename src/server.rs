//! A listener: accepts connections within a limit, serves them, and drains them at the end.

mod activity;
mod answer;
mod connection;
mod early_answer;
mod refusal;
mod watched;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use slog::Logger;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::TaskTracker;

use self::activity::Activity;
use self::connection::Connection;
pub use self::refusal::MAX_REFUSALS;
use crate::config::HttpConfig;
use crate::fairness::{Full, Place, Places};
use crate::http::{Service, is_trusted};
use crate::lifecycle::{Lifecycle, Phase};
use crate::telemetry::logging::{Exception, context, warn};
use crate::telemetry::metrics::{self, ConnectionResult};

/// Requests at once on one HTTP/2 connection of a client that is no proxy: each may hold a head in our memory.
const STREAMS_OF_ONE_CLIENT: u32 = 32;
const FIRST_BACK_OFF: Duration = Duration::from_millis(5);
const LONGEST_BACK_OFF: Duration = Duration::from_secs(1);

/// One listener with what it serves.
pub struct Server<S> {
    listener: TcpListener,
    service: Arc<Service<S>>,
    limits: HttpConfig,
    lifecycle: Lifecycle,
    log: Logger,
    max_streams: u32,
    places: Arc<Places<Activity>>,
    connections: TaskTracker,
}

impl<S: Send + Sync + 'static> Server<S> {
    /// Serves on a bound listener, once [`Server::run`] is called, with so many requests at once on one HTTP/2 connection.
    pub fn new(
        listener: TcpListener,
        service: Service<S>,
        limits: HttpConfig,
        lifecycle: Lifecycle,
        log: Logger,
        max_streams: u32,
    ) -> Self {
        let places = Places::new(limits.max_connections, limits.max_connections_per_client);
        let (service, connections) = (Arc::new(service), TaskTracker::new());
        Server { listener, service, limits, lifecycle, log, max_streams, places, connections }
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
        let (activity, client) = (Activity::new(), peer.ip().to_canonical());
        let is_proxy = is_trusted(&client, &self.limits.trusted_proxies);
        let Ok(place) = self.place(client, is_proxy, Arc::clone(&activity)) else {
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
            max_streams: if is_proxy { self.max_streams } else { self.max_streams.min(STREAMS_OF_ONE_CLIENT) },
        };
        self.connections.spawn(async move {
            connection.serve(stream, activity).await;
            drop(place);
        });
    }

    /// A place for a connection. Proxies bring the connections of many clients.
    fn place(&self, client: IpAddr, is_proxy: bool, activity: Arc<Activity>) -> Result<Place<Activity>, Full> {
        match is_proxy {
            true => self.places.take_without_share(client.into(), activity),
            false => self.places.take(client.into(), activity),
        }
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
