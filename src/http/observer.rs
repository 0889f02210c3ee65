//! The one observer: every request is timed, counted and logged here, whatever its handler returns, whether it panics,
//! and also when the client goes away first.

mod lines;

use std::any::Any;
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;

use futures_util::FutureExt;
use http::header::{CACHE_CONTROL, CONNECTION};
use http::{HeaderName, HeaderValue, Version};
use hyper::body::{Body as _, Incoming};
use slog::Logger;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::access::Guard;
use super::body::Limits;
use super::response::problem;
use super::router::{Resource, method_label};
use super::{Context, Handler, Request, Response, Router};
use crate::config::{HttpConfig, Secret};
use crate::error::{Error, Result};
use crate::errors::{self, Occurrence};
use crate::lifecycle::{Lifecycle, Phase};
use crate::logging::{LoggerName, Loggers};
use crate::metrics::{self, InFlight, MethodLabel, RejectReason, RouteMetrics};

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What one listener serves.
pub struct Service<S> {
    state: Arc<S>,
    router: Router<S>,
    limits: HttpConfig,
    guard: Guard,
    slots: Semaphore,
    lifecycle: Lifecycle,
    loggers: Loggers,
}

impl<S: Send + Sync + 'static> Service<S> {
    /// Serves the routes with the state that handlers share; `token` opens those that are not open to everybody.
    pub fn new(
        state: Arc<S>,
        router: Router<S>,
        limits: HttpConfig,
        token: Option<Secret>,
        lifecycle: Lifecycle,
        loggers: Loggers,
    ) -> Self {
        let slots = Semaphore::new(limits.max_requests_in_flight.min(Semaphore::MAX_PERMITS));
        Service { state, router, limits, guard: Guard::new(token), slots, lifecycle, loggers }
    }

    /// Answers one request.
    pub async fn answer(&self, peer: IpAddr, request: hyper::Request<Incoming>) -> Response {
        let (head, body) = request.into_parts();
        let version = head.version;
        let context = Arc::new(Context::new(&head, peer, &self.limits.trusted_proxies, &self.loggers));
        let resource = self.router.find(head.uri.path());
        let observation = Observation::begin(Arc::clone(&context), resource, &self.router, &head);
        let allow = resource.map(|resource| resource.allow.clone());
        let result = match self.admit(resource, &head) {
            Ok((handler, _slot)) => {
                let limits = Limits { bytes: self.limits.max_body_bytes, time: self.limits.body_timeout };
                let metrics = Arc::clone(&observation.metrics);
                self.run(handler, &observation, Request { head, body, limits, metrics }).await
            }
            Err(refused) => Err(refused),
        };
        let mut response = observation.end(result, allow);
        self.add_headers(&mut response, &context, version);
        response
    }

    /// The handler, if there is one, the caller may ask it, and the service can take its work; with the place it takes.
    fn admit<'a>(
        &'a self,
        resource: Option<&Arc<Resource<S>>>,
        head: &http::request::Parts,
    ) -> Result<(Handler<S>, Option<tokio::sync::SemaphorePermit<'a>>)> {
        let route = resource.ok_or(Error::NotFound)?.route(&head.method).ok_or(Error::MethodNotAllowed)?;
        self.guard.admit(route.access, &head.headers)?;
        let overloaded = |_| Error::Overloaded { what: "too many requests are being answered", retry_after: 1 };
        let slot = if route.always { None } else { Some(self.slots.try_acquire().map_err(overloaded)?) };
        Ok((route.handler, slot))
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
        if version <= Version::HTTP_11 && self.lifecycle.phase() >= Phase::Draining {
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
        _ => None,
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".into())
}
