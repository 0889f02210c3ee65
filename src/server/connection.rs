//! One connection: HTTP/1.1 with keep-alive, or HTTP/2 with prior knowledge.

use std::net::IpAddr;
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use slog::Logger;
use tokio::net::TcpStream;

use super::activity::{Activity, InRequest, Patience, Verdict};
use super::answer::Answer;
use super::early_answer::{Explained, Refusal};
use super::watched::Watched;
use crate::config::HttpConfig;
use crate::fairness::{Tenant, Use};
use crate::http::{Progress, Service};
use crate::lifecycle::{Lifecycle, Phase};
use crate::telemetry::logging::{Exception, debug};
use crate::telemetry::metrics::{self, ConnectionResult, OpenConnection, RejectReason};

/// Hyper's least buffer for a head.
const LEAST_BUFFER: usize = 8192;
/// What a client may send of one body on HTTP/2 before we read it, and of all bodies of a connection: memory that is ours.
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 256 * 1024;
/// What waits to be sent of one answer on HTTP/2.
const SEND_BUFFER: usize = 64 * 1024;
/// How long a service that closes waits for the request that a client has connected for: it may be under way.
const FIRST_REQUEST: Duration = Duration::from_millis(500);

pub(super) struct Connection<S> {
    pub(super) service: Arc<Service<S>>,
    pub(super) limits: HttpConfig,
    pub(super) lifecycle: Lifecycle,
    pub(super) log: Logger,
    pub(super) peer: IpAddr,
    /// Requests at once on one HTTP/2 connection.
    pub(super) max_streams: u32,
}

impl<S: Send + Sync + 'static> Connection<S> {
    /// Serves until the client leaves, the connection is cut for its slowness, or the service has closed.
    pub(super) async fn serve(self, stream: TcpStream, activity: Arc<Activity>) {
        let _open = OpenConnection::enter();
        // Without it a small answer may wait for the acknowledgement of the one before.
        let _ = stream.set_nodelay(true);
        let refusal = Arc::new(OnceLock::new());
        let watched = Watched { stream, activity: Arc::clone(&activity) };
        let io = TokioIo::new(Explained::new(watched, Arc::clone(&refusal)));
        let answer = service_fn(|request: hyper::Request<Incoming>| {
            let in_request = activity.request(request.version() == http::Version::HTTP_2);
            let (service, peer) = (Arc::clone(&self.service), self.peer);
            async move {
                let progress: Arc<dyn Progress> = Arc::<InRequest>::clone(&in_request);
                let answer = service.answer(peer, request, progress).await;
                Ok::<_, std::convert::Infallible>(answer.map(|body| Answer::new(body, in_request)))
            }
        });
        let builder = self.builder();
        let mut serving = pin!(builder.serve_connection(io, answer));
        let mut closing = pin!(async {
            self.lifecycle.reached(Phase::Closing).await;
            if activity.is_new() {
                tokio::time::sleep(FIRST_REQUEST).await;
            }
        });
        let patience = self.patience();
        let mut look_again = pin!(tokio::time::sleep(patience.shortest()));
        let mut is_closing = false;
        loop {
            tokio::select! {
                ended = serving.as_mut() => {
                    if let Some(Refusal { request_id, error }) = refusal.get() {
                        self.service.note_refusal(self.peer, *request_id, error);
                    }
                    return self.note_end(ended);
                }
                () = &mut closing, if !is_closing => {
                    is_closing = true;
                    serving.as_mut().graceful_shutdown();
                }
                () = activity.told_to_leave() => {
                    metrics::connection_result(ConnectionResult::GaveWay);
                    if activity.used() != Use::Work {
                        return;
                    }
                    // A request came just then: it is answered, and none after it.
                    is_closing = true;
                    serving.as_mut().graceful_shutdown();
                }
                () = &mut look_again => match activity.verdict(&patience) {
                    Verdict::Wait(until) => look_again.as_mut().reset(until),
                    Verdict::SlowHead => return metrics::request_rejected(RejectReason::Timeout),
                    Verdict::Unread => return metrics::connection_result(ConnectionResult::Unread),
                    Verdict::Idle => return,
                }
            }
        }
    }

    fn patience(&self) -> Patience {
        let HttpConfig { header_timeout, answer_timeout, idle_timeout, .. } = self.limits;
        Patience { head: header_timeout, answer: answer_timeout, idle: idle_timeout }
    }

    fn builder(&self) -> auto::Builder<TokioExecutor> {
        let mut builder = auto::Builder::new(TokioExecutor::new());
        let buffer = self.limits.max_header_bytes.max(LEAST_BUFFER);
        // An answer is small: copied behind its head it costs less than a second piece to write. Hyper's own limit of 100
        // headers stands; one that is set, even to the same number, takes an allocation for each request.
        builder.http1().timer(TokioTimer::new()).header_read_timeout(None).max_buf_size(buffer).writev(false);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_header_list_size(u32::try_from(buffer).unwrap_or(u32::MAX))
            .max_concurrent_streams(self.max_streams)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_send_buf_size(SEND_BUFFER)
            .keep_alive_interval(Some(self.limits.header_timeout))
            .keep_alive_timeout(self.limits.header_timeout);
        builder
    }

    fn note_end(&self, ended: Result<(), Box<dyn std::error::Error + Send + Sync>>) {
        let Err(error) = ended else { return };
        let malformed = error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_parse);
        if malformed {
            metrics::request_rejected(RejectReason::Malformed);
        } else {
            metrics::connection_result(ConnectionResult::IoError);
        }
        debug!(self.log, "Connection ended with an error"; "exception" => Exception::of(&*error));
    }
}
