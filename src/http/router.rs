//! The table of routes: which path and method is answered by whom, and with which codes.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use http::request::Parts;
use http::{HeaderValue, Method};
use hyper::body::Incoming;

use super::body::Intake;
use super::{Access, Context, Response};
use crate::error::Result;
use crate::telemetry::metrics::{MethodLabel, RouteMetrics};

/// The statuses of what no route is asked for: nothing is there, or the host is none, or not this one.
const UNMATCHED: &[u16] = &[400, 404, 421, 429];

/// What a handler is given: the head and the body that has not been read yet.
pub struct Request {
    /// The head.
    pub head: Parts,
    pub(super) body: Incoming,
    pub(super) intake: Arc<Intake>,
    /// Whether it is worked on in a place that clients share; see [`Route::always`].
    pub(super) takes_place: bool,
    pub(super) metrics: Arc<RouteMetrics>,
}

/// Answers a request.
pub type Handler<S> = fn(Arc<S>, Arc<Context>, Request) -> BoxFuture<'static, Result<Response>>;

/// One line of the table.
pub struct Route<S> {
    /// The path, as it is named in metrics; a trailing slash may be left away by the client.
    pub path: &'static str,
    /// The method. A route for GET answers HEAD too.
    pub method: Method,
    /// Every status that the handler, and the limits in front of it, can produce.
    pub codes: &'static [u16],
    /// Answered even when the service is overloaded: health, metrics.
    pub always: bool,
    /// Who may ask.
    pub access: Access,
    /// Who answers.
    pub handler: Handler<S>,
}

/// All that is served under one path.
pub(super) struct Resource<S> {
    methods: Vec<Route<S>>,
    pub(super) allow: HeaderValue,
    pub(super) path: &'static str,
    pub(super) metrics: Arc<RouteMetrics>,
}

impl<S> Resource<S> {
    pub(super) fn route(&self, method: &Method) -> Option<&Route<S>> {
        let method = if method == Method::HEAD { &Method::GET } else { method };
        self.methods.iter().find(|route| route.method == method)
    }
}

/// The routes of one listener.
pub struct Router<S> {
    paths: matchit::Router<Arc<Resource<S>>>,
    endpoints: Vec<(Method, &'static str)>,
    pub(super) unmatched: Arc<RouteMetrics>,
}

impl<S: 'static> Router<S> {
    /// Builds the table.
    ///
    /// # Panics
    /// When two routes contradict each other; the routes are constants, so every test would meet that.
    #[allow(clippy::expect_used, reason = "a mistake in a constant, met by every test")]
    pub fn new(routes: Vec<Route<S>>) -> Self {
        let mut paths = matchit::Router::new();
        let endpoints = routes.iter().map(|route| (route.method.clone(), route.path)).collect();
        let mut by_path: Vec<(&'static str, Vec<Route<S>>)> = Vec::new();
        for route in routes {
            match by_path.iter_mut().find(|(path, _)| *path == route.path) {
                Some((_, methods)) => methods.push(route),
                None => by_path.push((route.path, vec![route])),
            }
        }
        for (path, methods) in by_path {
            let resource = Arc::new(resource(path, methods));
            for alias in aliases(path) {
                paths.insert(alias, Arc::clone(&resource)).expect("the paths of the routes are valid and distinct");
            }
        }
        Router { paths, endpoints, unmatched: Arc::new(RouteMetrics::new("unmatched", &[], &[], UNMATCHED)) }
    }

    /// Method and path of every route, in the order of the table.
    pub fn endpoints(&self) -> &[(Method, &'static str)] {
        &self.endpoints
    }

    pub(super) fn find(&self, path: &str) -> Option<&Arc<Resource<S>>> {
        self.paths.at(path).ok().map(|found| found.value)
    }
}

fn resource<S>(path: &'static str, methods: Vec<Route<S>>) -> Resource<S> {
    let mut served: Vec<MethodLabel> = methods.iter().map(|route| method_label(&route.method)).collect();
    if served.contains(&MethodLabel::Get) {
        served.push(MethodLabel::Head);
    }
    let allow = served.iter().map(|method| method.as_str()).collect::<Vec<_>>().join(", ");
    let mut codes: Vec<u16> = methods.iter().flat_map(|route| route.codes).copied().collect();
    codes.extend(methods.iter().flat_map(|route| refusals(route.access)));
    codes.extend([500, 503]);
    if methods.iter().any(|route| !route.always) {
        codes.push(429);
    }
    codes.sort_unstable();
    codes.dedup();
    Resource {
        allow: HeaderValue::from_str(&allow).unwrap_or(HeaderValue::from_static("")),
        path,
        metrics: Arc::new(RouteMetrics::new(path, &served, &codes, &[405])),
        methods,
    }
}

/// The statuses with which a route refuses whom it does not admit.
fn refusals(access: Access) -> &'static [u16] {
    match access {
        Access::Open => &[],
        Access::Token => &[401],
        Access::TokenAlways => &[401, 403],
    }
}

/// The path with and without its trailing slash.
fn aliases(path: &'static str) -> Vec<String> {
    let bare = path.trim_end_matches('/');
    let mut aliases = vec![format!("{bare}/")];
    if !bare.is_empty() {
        aliases.push(bare.to_owned());
    }
    aliases
}

pub(super) fn method_label(method: &Method) -> MethodLabel {
    match *method {
        Method::GET => MethodLabel::Get,
        Method::HEAD => MethodLabel::Head,
        Method::POST => MethodLabel::Post,
        Method::PUT => MethodLabel::Put,
        Method::PATCH => MethodLabel::Patch,
        Method::DELETE => MethodLabel::Delete,
        Method::OPTIONS => MethodLabel::Options,
        _ => MethodLabel::Other,
    }
}
