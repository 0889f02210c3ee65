//! Which endpoint a request is for.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::request::Parts;
use http::{HeaderValue, Method};

use super::Endpoint;
use super::cors::Cors;
use super::endpoint::ErrorPage;
use super::normal_path::normalized;
use super::reader::takes_page;
use crate::config::{PathPrefix, WebOrigin};
use crate::telemetry::metrics::{Listener, MethodLabel, RouteMetrics};

/// The statuses of what no route is asked for: nothing is there, or the host is none, or not this one; or a browser asks.
const UNMATCHED: &[u16] = &[204, 400, 404, 421, 429];

/// All that is served under one path.
pub(super) struct Resource<S> {
    endpoints: Vec<Arc<Endpoint<S>>>,
    pub(super) allow: HeaderValue,
    pub(super) route: &'static str,
    pub(super) metrics: Arc<RouteMetrics>,
}

/// A path that is served, what stands where it has names, and what stands in front of it.
pub(super) struct Found<'a, S> {
    pub(super) resource: &'a Arc<Resource<S>>,
    pub(super) parts: BTreeMap<String, String>,
    pub(super) prefix: Option<&'a PathPrefix>,
}

impl<S> Resource<S> {
    pub(super) fn endpoint(&self, method: &Method) -> Option<&Arc<Endpoint<S>>> {
        let method = if method == Method::HEAD { &Method::GET } else { method };
        self.endpoints.iter().find(|endpoint| endpoint.method == method)
    }

    fn error_page(&self) -> Option<ErrorPage<S>> {
        self.endpoints.iter().find_map(|endpoint| endpoint.error_page)
    }
}

/// The endpoints of one listener.
pub struct Router<S> {
    paths: matchit::Router<Arc<Resource<S>>>,
    endpoints: Vec<Arc<Endpoint<S>>>,
    prefix: Option<PathPrefix>,
    pub(super) cors: Option<Cors>,
    pub(super) unmatched: Arc<RouteMetrics>,
}

impl<S: Send + Sync + 'static> Router<S> {
    /// Routes what comes to a listener to these.
    ///
    /// # Panics
    /// When two of them contradict each other; they are constants, so every test would meet that.
    #[allow(clippy::expect_used, reason = "a mistake in a constant, met by every test")]
    pub fn new(listener: Listener, table: Vec<Endpoint<S>>) -> Self {
        let endpoints: Vec<_> = table.into_iter().map(Arc::new).collect();
        let mut paths = matchit::Router::new();
        let mut done: Vec<&str> = Vec::new();
        for Endpoint { path, route, .. } in endpoints.iter().map(Arc::as_ref) {
            if done.contains(path) {
                continue;
            }
            done.push(path);
            let of_path = endpoints.iter().filter(|endpoint| endpoint.path == *path).cloned().collect();
            let resource = Arc::new(resource(listener, route, of_path));
            for alias in aliases(path) {
                paths.insert(alias, Arc::clone(&resource)).expect("the paths of the endpoints are valid and distinct");
            }
        }
        let unmatched = Arc::new(RouteMetrics::new(listener, "unmatched", &[], UNMATCHED));
        Router { paths, endpoints, prefix: None, cors: None, unmatched }
    }

    /// Serves all of that below a prefix too, if there is one.
    pub fn also_below(self, prefix: Option<PathPrefix>) -> Self {
        Router { prefix, ..self }
    }

    /// Lets pages of these origins call it.
    pub fn open_to(self, origins: &[WebOrigin]) -> Self {
        Router { cors: Cors::new(origins), ..self }
    }

    /// The table.
    pub fn endpoints(&self) -> &[Arc<Endpoint<S>>] {
        &self.endpoints
    }

    pub(super) fn find(&self, path: &str) -> Option<Found<'_, S>> {
        let path = &*normalized(path);
        let below = self.prefix.as_ref().and_then(|prefix| Some((prefix.strip(path)?, prefix)));
        let (path, prefix) = below.map_or((path, None), |(path, prefix)| (path, Some(prefix)));
        let found = self.paths.at(path).ok()?;
        let parts = found.params.iter().map(|(name, text)| (name.to_owned(), text.to_owned())).collect();
        Some(Found { resource: found.value, parts, prefix })
    }

    /// How people are told of what goes wrong at a path, where it is for them. Where nothing is, it is for them right below a page.
    pub(super) fn error_page(&self, head: &Parts, found: Option<&Found<'_, S>>) -> Option<ErrorPage<S>> {
        match found {
            Some(found) => found.resource.error_page(),
            None if takes_page(&head.headers) => {
                let path = head.uri.path();
                let (above, _) = path.strip_suffix('/').unwrap_or(path).rsplit_once('/')?;
                self.find(above)?.resource.error_page()
            }
            None => None,
        }
    }
}

fn resource<S: Send + Sync + 'static>(
    listener: Listener,
    route: &'static str,
    endpoints: Vec<Arc<Endpoint<S>>>,
) -> Resource<S> {
    let mut allow: Vec<&str> = endpoints.iter().map(|endpoint| endpoint.method.as_str()).collect();
    if allow.contains(&"GET") {
        allow.push("HEAD");
    }
    let served: Vec<_> =
        endpoints.iter().map(|endpoint| (method_label(&endpoint.method), endpoint.statuses())).collect();
    Resource {
        allow: HeaderValue::from_str(&allow.join(", ")).unwrap_or(HeaderValue::from_static("")),
        route,
        metrics: Arc::new(RouteMetrics::new(listener, route, &served, &[405])),
        endpoints,
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
        Method::GET | Method::HEAD => MethodLabel::Get,
        Method::POST => MethodLabel::Post,
        Method::PUT => MethodLabel::Put,
        Method::PATCH => MethodLabel::Patch,
        Method::DELETE => MethodLabel::Delete,
        _ => MethodLabel::Other,
    }
}
