//! The one observer: every request is timed, counted and logged here, whatever its handler returns, whether it panics,
//! and also when the client goes away first.

mod lines;

use std::any::Any;
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use http::header::{CACHE_CONTROL, CONNECTION};
use http::{HeaderName, HeaderValue, Version};
use hyper::body::{Body as _, Incoming};
use slog::{Logger, o};
use tokio::time::timeout;

use super::access::Guard;
use super::body::Intake;
use super::response::problem;
use super::router::{Resource, method_label};
use super::{Context, Handler, Request, RequestId, Response, Route, Router};
use crate::config::HttpConfig;
use crate::error::{Error, Result};
use crate::errors::{self, Occurrence};
use crate::fairness::{Places, Rate};
use crate::lifecycle::{Lifecycle, Phase};
use crate::logging::{LoggerName, Loggers};
use crate::metrics::{self, InFlight, MethodLabel, RejectReason, RouteMetrics};

/// Refusals that a client is given at once; they come back within the period.
const REFUSALS: u32 = 100;
const REFUSALS_PERIOD: Duration = Duration::from_secs(5);
/// The longest that a client waits which has had more.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What one listener serves.
pub struct Service<S> {
    state: Arc<S>,
    router: Router<S>,
    limits: HttpConfig,
    guard: Guard,
    intake: Arc<Intake>,
    refusals: Option<Rate>,
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
        let refusals = Rate::new(REFUSALS, REFUSALS_PERIOD);
        Service { state, router, limits, guard, intake, refusals, lifecycle, loggers }
    }

    /// Answers one request.
    pub async fn answer(&self, peer: IpAddr, request: hyper::Request<Incoming>) -> Response {
        let (head, body) = request.into_parts();
        let version = head.version;
        let context = Arc::new(Context::new(&head, peer, &self.limits.trusted_proxies, &self.loggers));
        let host = self.guard.check_host(&head);
        let resource = self.router.find(head.uri.path()).filter(|_| host.is_ok());
        self.pace(&context, resource, &head.method).await;
        let observation = Observation::begin(Arc::clone(&context), resource, &self.router, &head);
        let allow = resource.map(|resource| resource.allow.clone());
        if let Err(Error::MalformedRequest(_)) = host {
            context.end_connection();
        }
        let result = match host.and_then(|()| self.admit(resource, &head)) {
            Ok(route) => {
                let (intake, metrics) = (Arc::clone(&self.intake), Arc::clone(&observation.metrics));
                let request = Request { head, body, intake, takes_place: !route.always, metrics };
                self.run(route.handler, &observation, request).await
            }
            Err(refused) => Err(refused),
        };
        if let (Err(Error::RateLimited { .. }), Some(refusals)) = (&result, &self.refusals) {
            refusals.charge(context.client);
        }
        let mut response = observation.end(result, allow);
        self.add_headers(&mut response, &context, version);
        response
    }

    /// A client that asks on and on although it was told to wait is made to wait: refusals take time from others too.
    async fn pace(&self, context: &Context, resource: Option<&Arc<Resource<S>>>, method: &http::Method) {
        let takes_place = resource.and_then(|resource| resource.route(method)).is_some_and(|route| !route.always);
        if let Some(refusals) = self.refusals.as_ref().filter(|_| takes_place) {
            let pause = refusals.debt(context.client).min(LONGEST_PAUSE);
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
        }
    }

    /// Notes a request whose head could not be read, and which was answered with this error under this id.
    pub fn note_refusal(&self, peer: IpAddr, request_id: RequestId, error: &Error) {
        let id = Some(request_id.as_str());
        errors::record(&Occurrence { request_id: id, ..Occurrence::of(error.code(), error, "unmatched") });
        lines::refused(&self.loggers.get(LoggerName::Requests).new(o!("request_id" => request_id)), peer, error);
    }

    /// The route, if there is one and the caller may ask it.
    fn admit<'a>(&self, resource: Option<&'a Arc<Resource<S>>>, head: &http::request::Parts) -> Result<&'a Route<S>> {
        let route = resource.ok_or(Error::NotFound)?.route(&head.method).ok_or(Error::MethodNotAllowed)?;
        self.guard.admit(route.access, &head.headers)?;
        Ok(route)
    }

    /// Runs a handler within the time it has; its panic is an error like any other.
    async fn run(&self, handler: Handler<S>, observation: &Observation, request: Request) -> Result<Response> {
        let (state, context) = (Arc::clone(&self.state), Arc::clone(&observation.context));
        let mut handling = pin!(AssertUnwindSafe(async { handler(state, context, request).await }).catch_unwind());
        match timeout(self.limits.request_timeout, handling.as_mut()).await {
            Ok(Ok(result)) => result,
            Ok(Err(panic)) => {
                observation.metrics.panicked();
                Err(Error::Panic(panic_message(panic.as_ref())))
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
        head: &http::request::Parts,
    ) -> Self {
        let log = context.logger(LoggerName::Requests);
        lines::started(&log, head, context.client_ip);
        Observation {
            began: Instant::now(),
            route: resource.map_or("unmatched", |resource| resource.path),
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
        let took = self.began.elapsed();
        let size = response.body().size_hint().lower();
        self.metrics.completed(self.method, response.status().as_u16(), took, size);
        if let Some(error) = &error {
            self.record(error);
            if let Some(reason) = reject_reason(error) {
                metrics::request_rejected(reason);
            }
        }
        if self.context.has_user() {
            self.log = self.context.logger(LoggerName::Requests);
        }
        lines::ended(&self.log, self.route, response.status(), took, size, error.as_ref());
        response
    }

    fn record(&self, error: &Error) {
        let context = &self.context;
        errors::record(&Occurrence {
            code: error.code(),
            error,
            subject: context.subject(),
            user_id: context.user_id(),
            request_id: Some(context.request_id.as_str()),
            trace_id: Some(&context.trace.trace_id().to_string()),
            route: self.route,
            step: context.step(),
        });
    }
}

impl Drop for Observation {
    fn drop(&mut self) {
        if !self.ended {
            self.metrics.cancelled();
            lines::cancelled(&self.log, self.route, self.began.elapsed());
        }
    }
}

fn reject_reason(error: &Error) -> Option<RejectReason> {
    match error {
        Error::BodyTooLarge { .. } => Some(RejectReason::BodyTooLarge),
        Error::BodyTimeout(_) | Error::Timeout(_) => Some(RejectReason::Timeout),
        Error::Overloaded { .. } => Some(RejectReason::Overload),
        Error::RateLimited { .. } => Some(RejectReason::RateLimited),
        Error::MalformedRequest(_) => Some(RejectReason::Malformed),
        _ => None,
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".into())
}
