//! The one observer: every request is timed, counted and logged here, whatever its handler returns, whether it panics,
//! and also when the client goes away first.

mod events;
mod observation;
mod pace;
mod telling;

use std::any::Any;
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use http::header::{CACHE_CONTROL, CONNECTION, LOCATION};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Version};
use hyper::body::{Body as _, Incoming};
use slog::o;
use tokio::time::timeout;

use self::events::RequestRefused;
use self::observation::Observation;
use self::pace::{Pace, Pacer};
use super::access::Guard;
use super::cors::{self, Cors};
use super::endpoint::ErrorPage;
use super::intake::Intake;
use super::router::{Found, Resource, method_label};
use super::{Call, Context, Endpoint, Principal, Progress, Reader, Request, RequestId, Response, Router};
use crate::config::{HttpConfig, PathPrefix};
use crate::error::{Error, Result};
use crate::fairness::Places;
use crate::lifecycle::{Lifecycle, Phase};
use crate::telemetry::Event;
use crate::telemetry::logging::{LoggerName, Loggers};

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What one listener serves.
pub struct Service<S> {
    state: Arc<S>,
    router: Router<S>,
    limits: HttpConfig,
    guard: Guard,
    intake: Arc<Intake>,
    pacer: Pacer,
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
        let pacer = Pacer::new(&limits, guard.is_open());
        Service { state, router, limits, guard, intake, pacer, lifecycle, loggers }
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
        let (found, method) = (self.router.find(head.uri.path()), method_label(&head.method));
        let error_page = self.router.error_page(&head, found.as_ref());
        let reader = error_page.map(|_| Reader::of(&head)).unwrap_or_default();
        let proxies = &self.limits.trusted_proxies;
        let context = Arc::new(Context::new(&head, peer, proxies, &self.loggers, progress, reader));
        let page = self.router.cors.as_ref().and_then(|cors| cors.origin_of(&head.headers));
        let endpoint = found.as_ref().and_then(|found| found.resource.endpoint(&head.method));
        let mut response = match self.pacer.pace(&context, peer, endpoint.map(|endpoint| endpoint.always)) {
            Pace::Go => match found {
                found if page.is_some() && self.is_preflight(&head) => {
                    let methods = found.map_or(cors::ANY_METHOD, |found| found.resource.allow.clone());
                    self.tell_browser(Arc::clone(&context), &head, methods)
                }
                found => self.observe(Arc::clone(&context), head, body, found, error_page).await,
            },
            Pace::Refuse(error) => {
                self.pacer.refuse(&context, &error);
                self.turn_away(&context, method, &error, error_page, Duration::ZERO)
            }
            Pace::PutOff { pause, error } => {
                // Many may wait here: what is not needed any more is let go.
                drop((head, body, found));
                self.pacer.put_off(&context, pause, &error).await;
                self.turn_away(&context, method, &error, error_page, pause)
            }
        };
        if self.router.cors.is_some() {
            Cors::add_headers(response.headers_mut(), page);
        }
        self.add_headers(&mut response, &context, version);
        response
    }

    /// Answers a request in its turn.
    async fn observe(
        &self,
        context: Arc<Context>,
        head: Parts,
        body: Incoming,
        found: Option<Found<'_, S>>,
        error_page: Option<ErrorPage<S>>,
    ) -> Response {
        if body.is_end_stream() {
            context.begin_work();
        }
        let host = self.guard.check_host(&head);
        let found = found.filter(|_| host.is_ok());
        let resource = found.as_ref().map(|found| found.resource);
        let error_page = error_page.filter(|_| host.is_ok());
        let prefix = found.as_ref().and_then(|found| found.prefix);
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
                let answered = self.run(endpoint, principal, &observation, request).await;
                answered.map(|response| with_location_below(response, prefix))
            }
            Err(refused) => Err(refused),
        };
        if let Err(Error::RateLimited { .. }) = &result {
            self.pacer.charge(&context);
        }
        observation.end(result.or_else(|error| self.on_page(&context, error, error_page)), allow)
    }

    /// Whether a browser asks what a page may send, before the page sends it.
    fn is_preflight(&self, head: &Parts) -> bool {
        cors::is_preflight(head) && self.guard.check_host(head).is_ok()
    }

    /// Tells a browser what a page may send to a path that serves these methods. That is no request to the path.
    fn tell_browser(&self, context: Arc<Context>, head: &Parts, methods: HeaderValue) -> Response {
        let observation = Observation::begin(context, None, &self.router, head);
        observation.end(Ok(cors::preflight(methods)), None)
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
        context.tell_quota(headers);
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

/// Who came below a prefix is led on below it.
fn with_location_below(mut response: Response, prefix: Option<&PathPrefix>) -> Response {
    if let Some(prefix) = prefix
        && let Some(location) = response.headers_mut().get_mut(LOCATION)
        && location.as_bytes().starts_with(b"/")
        && let Ok(below) = HeaderValue::try_from([prefix.as_str().as_bytes(), location.as_bytes()].concat())
    {
        *location = below;
    }
    response
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".into())
}
