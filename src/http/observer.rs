//! The one observer: every request is timed, counted and logged here, whatever its handler returns, whether it panics,
//! and also when the client goes away first.

mod events;

use std::any::Any;
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use http::header::{CACHE_CONTROL, CONNECTION};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Version};
use hyper::body::{Body as _, Incoming};
use slog::{Logger, o};
use tokio::time::timeout;

use self::events::{RequestCancelled, RequestEnded, RequestRefused, RequestStarted, RequestsPutOff};
use super::access::Guard;
use super::client_address::is_trusted;
use super::intake::Intake;
use super::response::problem;
use super::router::{Resource, method_label};
use super::{Call, Context, Endpoint, Principal, Progress, Request, RequestId, Response, Router};
use crate::config::HttpConfig;
use crate::error::{Error, Result};
use crate::fairness::{Places, Rate};
use crate::lifecycle::{Lifecycle, Phase};
use crate::telemetry::Event;
use crate::telemetry::logging::{LoggerName, Loggers};
use crate::telemetry::metrics::{self, InFlight, MethodLabel, RejectReason, RouteMetrics};

/// Refusals that a client is given at once; they come back within the period.
const REFUSALS: u32 = 100;
const REFUSALS_PERIOD: Duration = Duration::from_secs(5);
/// The longest that a client waits which has had more.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// How often those are told of that were made to wait.
const TELL_EVERY: Duration = Duration::from_secs(1);

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What one listener serves.
pub struct Service<S> {
    state: Arc<S>,
    router: Router<S>,
    limits: HttpConfig,
    guard: Guard,
    intake: Arc<Intake>,
    /// How often one client may ask; `None` for no limit.
    requests: Option<Rate>,
    /// What it is refused for asking too often.
    refusals: Option<Rate>,
    put_off: PutOff,
    lifecycle: Lifecycle,
    loggers: Loggers,
}

impl<S: Send + Sync + 'static> Service<S> {
    /// Serves the routes with the state that handlers share, to those whom the guard lets pass.
    pub fn new(
        state: Arc<S>,
        router: Router<S>,
        limits: HttpConfig,
        guard: Guard,
        lifecycle: Lifecycle,
        loggers: Loggers,
    ) -> Self {
        let intake = Arc::new(Intake {
            bytes: limits.max_body_bytes,
            time: limits.body_timeout,
            waiting: Places::new(limits.max_late_bodies, limits.max_late_bodies_per_client),
            working: Places::new(limits.max_requests_in_flight, limits.max_requests_per_client),
        });
        let requests = Rate::new(limits.requests_per_client, limits.requests_period);
        // Operators are few, and known.
        let refusals = Rate::new(REFUSALS, REFUSALS_PERIOD).filter(|_| guard.is_open());
        let put_off = PutOff::default();
        Service { state, router, limits, guard, intake, requests, refusals, put_off, lifecycle, loggers }
    }

    /// Answers one request.
    pub async fn answer(
        &self,
        peer: IpAddr,
        request: hyper::Request<Incoming>,
        progress: Arc<dyn Progress>,
    ) -> Response {
        let (head, body) = request.into_parts();
        let version = head.version;
        let context = Arc::new(Context::new(&head, peer, &self.limits.trusted_proxies, &self.loggers, progress));
        let (pace, method) = (self.pace(&context, peer, &head), method_label(&head.method));
        let mut response = match pace {
            Pace::Go => self.observe(Arc::clone(&context), head, body).await,
            Pace::Refuse { wait } => self.refuse(&context, method, wait),
            Pace::PutOff { pause } => {
                // Many may wait here: what is not needed any more is let go.
                drop((head, body));
                self.put_off(&context, method, pause).await
            }
        };
        self.add_headers(&mut response, &context, version);
        response
    }

    /// Answers a request in its turn.
    async fn observe(&self, context: Arc<Context>, head: Parts, body: Incoming) -> Response {
        if body.is_end_stream() {
            context.begin_work();
        }
        let host = self.guard.check_host(&head);
        let found = self.router.find(head.uri.path()).filter(|_| host.is_ok());
        let resource = found.as_ref().map(|found| found.resource);
        let malformed = matches!(host, Err(Error::MalformedRequest(_)));
        let admitted = host.and_then(|()| self.admit(resource, &head));
        if let Ok((_, Principal::User(caller))) = &admitted {
            context.set_caller(caller.user_id);
        }
        let observation = Observation::begin(Arc::clone(&context), resource, &self.router, &head);
        let allow = resource.map(|resource| resource.allow.clone());
        if malformed {
            context.end_connection();
        }
        let result = match admitted {
            Ok((endpoint, principal)) => {
                let intake = Arc::clone(&self.intake);
                let path = found.map(|found| found.parts).unwrap_or_default();
                let request = Request { head, refused: None, path, body, intake, takes_place: !endpoint.always };
                self.run(endpoint, principal, &observation, request).await
            }
            Err(refused) => Err(refused),
        };
        if let (Err(Error::RateLimited { .. }), Some(refusals)) = (&result, &self.refusals) {
            refusals.charge(context.client);
        }
        observation.end(result, allow)
    }

    /// Whether a request has its turn. A proxy asks for many; what it asks by itself is asked by its operator.
    fn pace(&self, context: &Context, peer: IpAddr, head: &Parts) -> Pace {
        let is_of_proxy =
            context.client_ip == peer.to_canonical() && is_trusted(&context.client_ip, &self.limits.trusted_proxies);
        let Some(refusals) = self.refusals.as_ref().filter(|_| !is_of_proxy) else { return Pace::Go };
        let pause = refusals.debt(context.client).min(LONGEST_PAUSE);
        match self.requests.as_ref().map_or(Ok(()), |requests| requests.admit(context.client)) {
            Ok(()) if pause.is_zero() || !self.takes_place(head) => Pace::Go,
            Err(wait) if pause.is_zero() => Pace::Refuse { wait },
            _ => Pace::PutOff { pause },
        }
    }

    fn takes_place(&self, head: &Parts) -> bool {
        let found = self.router.find(head.uri.path());
        let endpoint = found.as_ref().and_then(|found| found.resource.endpoint(&head.method));
        endpoint.is_some_and(|endpoint| !endpoint.always)
    }

    /// Refuses a request at the door: its client asks too often.
    fn refuse(&self, context: &Context, method: MethodLabel, wait: Duration) -> Response {
        if let Some(refusals) = &self.refusals {
            refusals.charge(context.client);
        }
        let error = Error::rate_limited("requests", wait);
        let refused = RequestRefused { request_id: &context.request_id, client_ip: context.client_ip, error: &error };
        refused.emit(&context.logger(LoggerName::Requests));
        self.turn_away(context, method, &error, Duration::ZERO)
    }

    /// Refuses a request of a client that asks on and on although it was told to wait: after a while, and with a line for all
    /// of them now and then, since refusals take time and space from others too.
    async fn put_off(&self, context: &Context, method: MethodLabel, pause: Duration) -> Response {
        tokio::time::sleep(pause).await;
        if let Some(count) = self.put_off.note() {
            RequestsPutOff { client_ip: context.client_ip, count }.emit(&context.logger(LoggerName::Requests));
        }
        let error = Error::RateLimited { what: "requests", retry_after: 1 };
        RequestRefused { request_id: &context.request_id, client_ip: context.client_ip, error: &error }.record();
        self.turn_away(context, method, &error, pause)
    }

    fn turn_away(&self, context: &Context, method: MethodLabel, error: &Error, took: Duration) -> Response {
        metrics::request_rejected(RejectReason::RateLimited);
        let response = problem(error, &context.request_id, None);
        let size = response.body().size_hint().lower();
        self.router.unmatched.completed(method, response.status().as_u16(), took, size);
        response
    }

    /// Notes a request whose head could not be read, and which was answered with this error under this id.
    pub fn note_refusal(&self, peer: IpAddr, request_id: RequestId, error: &Error) {
        let log = self.loggers.get(LoggerName::Requests).new(o!("request_id" => request_id));
        RequestRefused { request_id: &request_id, client_ip: peer, error }.emit(&log);
    }

    /// The endpoint, if there is one, and who calls it, if they may.
    fn admit<'a>(
        &self,
        resource: Option<&'a Arc<Resource<S>>>,
        head: &Parts,
    ) -> Result<(&'a Arc<Endpoint<S>>, Principal)> {
        let endpoint = resource.ok_or(Error::NotFound)?.endpoint(&head.method).ok_or(Error::MethodNotAllowed)?;
        Ok((endpoint, self.guard.admit(endpoint.access, &head.headers)?))
    }

    /// Has an endpoint answer within the time it has; its panic is an error like any other.
    async fn run(
        &self,
        endpoint: &Endpoint<S>,
        principal: Principal,
        observation: &Observation,
        request: Request,
    ) -> Result<Response> {
        let context = &observation.context;
        let call = Call { state: Arc::clone(&self.state), context: Arc::clone(context), principal };
        let path = request.path.clone();
        let permitted = self.guard.permit(endpoint.access, principal, &path, context);
        let mut handling =
            pin!(AssertUnwindSafe(async { endpoint.answer(call, request, permitted).await }).catch_unwind());
        match timeout(self.limits.request_timeout, handling.as_mut()).await {
            Ok(Ok(result)) => result,
            Ok(Err(panic)) => {
                observation.metrics.panicked();
                Err(Error::Internal(format!("a handler panicked: {}", panic_message(panic.as_ref()))))
            }
            Err(_) => {
                observation.context.abandon();
                Err(Error::Timeout(self.limits.request_timeout))
            }
        }
    }

    fn add_headers(&self, response: &mut Response, context: &Context, version: Version) {
        let headers = response.headers_mut();
        headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
        if let Ok(id) = HeaderValue::from_str(context.request_id.as_str()) {
            headers.insert(X_REQUEST_ID, id);
        }
        let ends = context.ends_connection() || self.lifecycle.phase() >= Phase::Draining;
        if version <= Version::HTTP_11 && ends {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
    }
}

/// What comes of a request before anything of it is looked at.
enum Pace {
    /// It is answered.
    Go,
    /// Its client has asked for all that it may; there is more after this time.
    Refuse { wait: Duration },
    /// Its client goes on although it was refused so often.
    PutOff { pause: Duration },
}

/// Requests that were put off and are not told yet.
#[derive(Default)]
struct PutOff(Mutex<(u64, Option<Instant>)>);

impl PutOff {
    /// One more; says how many there are to tell, once in a while.
    fn note(&self) -> Option<u64> {
        let mut untold = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        untold.0 += 1;
        if untold.1.is_some_and(|told| told.elapsed() < TELL_EVERY) {
            return None;
        }
        untold.1 = Some(Instant::now());
        Some(std::mem::take(&mut untold.0))
    }
}

/// The observation of one request. Dropped before its end, it says that the client went away.
struct Observation {
    began: Instant,
    context: Arc<Context>,
    log: Logger,
    route: &'static str,
    method: MethodLabel,
    metrics: Arc<RouteMetrics>,
    ended: bool,
    _in_flight: InFlight,
}

impl Observation {
    fn begin<S: 'static>(
        context: Arc<Context>,
        resource: Option<&Arc<Resource<S>>>,
        router: &Router<S>,
        head: &Parts,
    ) -> Self {
        let log = context.logger(LoggerName::Requests);
        RequestStarted { head, client_ip: context.client_ip }.emit(&log);
        Observation {
            began: Instant::now(),
            route: resource.map_or("unmatched", |resource| resource.route),
            method: method_label(&head.method),
            metrics: Arc::clone(resource.map_or(&router.unmatched, |resource| &resource.metrics)),
            context,
            log,
            ended: false,
            _in_flight: InFlight::enter(),
        }
    }

    fn end(mut self, result: Result<Response>, allow: Option<HeaderValue>) -> Response {
        self.ended = true;
        let (response, error) = match result {
            Ok(response) => (response, None),
            Err(error) => {
                let allow = allow.filter(|_| matches!(error, Error::MethodNotAllowed));
                (problem(&error, &self.context.request_id, allow), Some(error))
            }
        };
        if self.context.has_user() {
            self.log = self.context.logger(LoggerName::Requests);
        }
        let ended = RequestEnded {
            context: &self.context,
            route: self.route,
            method: self.method,
            metrics: &self.metrics,
            status: response.status(),
            size: response.body().size_hint().lower(),
            took: self.began.elapsed(),
            failure: error.as_ref(),
        };
        ended.emit(&self.log);
        response
    }
}

impl Drop for Observation {
    fn drop(&mut self) {
        if !self.ended {
            let (route, took) = (self.route, self.began.elapsed());
            RequestCancelled { route, metrics: &self.metrics, took }.emit(&self.log);
        }
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".into())
}
