//! How a client is told what went wrong: programs by a problem document, people by a page.

use std::time::Duration;

use hyper::body::Body as _;

use super::Service;
use crate::error::{Error, Result};
use crate::http::endpoint::ErrorPage;
use crate::http::response::{problem, with_error, with_status_of};
use crate::http::{Context, Page, Response};
use crate::telemetry::metrics::{self, MethodLabel, RejectReason};

impl<S: Send + Sync + 'static> Service<S> {
    /// Tells of an error with a page, where people are to read it.
    pub(super) fn on_page(
        &self,
        context: &Context,
        error: Error,
        error_page: Option<ErrorPage<S>>,
    ) -> Result<Response> {
        match self.page_of(context, &error, error_page) {
            Some(page) => Ok(with_error(page, error)),
            None => Err(error),
        }
    }

    fn page_of(&self, context: &Context, error: &Error, error_page: Option<ErrorPage<S>>) -> Option<Response> {
        error_page.and_then(|page| page(&self.state, context, error).ok()).map(|Page(page)| page)
    }

    /// Answers a request that is refused before anything else of it is looked at.
    pub(super) fn turn_away(
        &self,
        context: &Context,
        method: MethodLabel,
        error: &Error,
        error_page: Option<ErrorPage<S>>,
        took: Duration,
    ) -> Response {
        metrics::request_rejected(RejectReason::RateLimited);
        let response = match self.page_of(context, error, error_page) {
            Some(page) => with_status_of(page, error),
            None => problem(error, &context.request_id),
        };
        let size = response.body().size_hint().lower();
        self.router.unmatched.completed(method, response.status().as_u16(), took, size);
        response
    }
}
