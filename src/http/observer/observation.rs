//! One request, from its head to its answer.

use std::sync::Arc;
use std::time::Instant;

use http::HeaderValue;
use http::header::ALLOW;
use http::request::Parts;
use hyper::body::Body as _;
use slog::Logger;

use super::events::{RequestCancelled, RequestEnded, RequestStarted};
use crate::error::{Error, Result};
use crate::http::response::{ShownError, problem};
use crate::http::router::{Resource, method_label};
use crate::http::{Context, Response, Router};
use crate::telemetry::Event;
use crate::telemetry::logging::LoggerName;
use crate::telemetry::metrics::{InFlight, MethodLabel, RouteMetrics};

/// The observation of one request. Dropped before its end, it says that the client went away.
pub(super) struct Observation {
    began: Instant,
    pub(super) context: Arc<Context>,
    log: Logger,
    route: &'static str,
    method: MethodLabel,
    pub(super) metrics: Arc<RouteMetrics>,
    ended: bool,
    _in_flight: InFlight,
}

impl Observation {
    pub(super) fn begin<S: 'static>(
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

    pub(super) fn end(mut self, result: Result<Response>, allow: Option<HeaderValue>) -> Response {
        self.ended = true;
        let (mut response, error) = match result {
            // A page may tell of an error itself.
            Ok(mut response) => {
                let error = response.extensions_mut().remove::<ShownError>().map(|shown| shown.0);
                (response, error)
            }
            Err(error) => (problem(&error, &self.context.request_id), Some(Arc::new(error))),
        };
        if let (Some(Error::MethodNotAllowed), Some(methods)) = (error.as_deref(), allow) {
            response.headers_mut().insert(ALLOW, methods);
        }
        if self.context.has_user() || self.context.caller().is_some() {
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
            failure: error.as_deref(),
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
