//! The table of endpoints. One line says what is called how, by whom, with what, and every way in which it can end; routing,
//! metrics, the `Allow` header, the index page, the tables in the documents and the OpenAPI document come from it.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::Method;

use super::input::Input;
use super::limit::Limit;
use super::output::{Gives, Output, Page};
use super::takes::Takes;
use super::{Access, Context, Principal, Request, Response};
use crate::error::{Error, ErrorCode, Result};
use crate::tokens::Caller;

/// What a handler knows beside its input.
pub struct Call<S> {
    /// What the parts of the service share.
    pub state: Arc<S>,
    /// The request.
    pub context: Arc<Context>,
    /// Who calls.
    pub principal: Principal,
}

impl<S> Call<S> {
    /// The user who calls.
    ///
    /// # Errors
    /// [`Error::AccessTokenMissing`] where the endpoint is for others as well.
    pub fn caller(&self) -> Result<Caller> {
        match self.principal {
            Principal::User(caller) => Ok(caller),
            Principal::Anonymous | Principal::Operator => Err(Error::AccessTokenMissing),
        }
    }
}

/// Finds how often a client may call an endpoint; `None` for no limit.
pub type LimitOf<S> = for<'a> fn(&'a S) -> Option<&'a Limit>;

/// The page that tells people of an error of their request, instead of the problem document that programs read.
pub type ErrorPage<S> = fn(&S, &Context, &Error) -> Result<Page>;

type Handler<S> = Box<dyn Fn(Call<S>, Request) -> BoxFuture<'static, Result<Response>> + Send + Sync>;

/// One line of the table.
pub struct Endpoint<S> {
    /// The method. A line for GET answers HEAD too.
    pub method: Method,
    /// The path; a part in braces stands for anything. A trailing slash may be left away by the client.
    pub path: &'static str,
    /// What metrics and the log call it: its path, unless it is counted with others.
    pub(super) route: &'static str,
    /// What it is for, in a sentence.
    pub about: &'static str,
    /// Who may call it.
    pub access: Access,
    /// Answered even when the service is overloaded: health, metrics.
    pub always: bool,
    /// What it takes.
    pub(super) takes: Takes,
    /// What it gives where all is well.
    pub(super) gives: Gives,
    errors: Vec<ErrorCode>,
    limit: Option<LimitOf<S>>,
    /// How people are told of what goes wrong, where the endpoint is for them.
    pub(super) error_page: Option<ErrorPage<S>>,
    handler: Handler<S>,
}

impl<S: Send + Sync + 'static> Endpoint<S> {
    /// A line for whom `access` lets in, answered while the service has room for it, by what `handler` makes of its input.
    pub fn new<I, O, F, Fut>(
        access: Access,
        method: Method,
        path: &'static str,
        about: &'static str,
        handler: F,
    ) -> Self
    where
        I: Input,
        O: Output,
        F: Fn(Call<S>, I) -> Fut + Send + Sync + Clone + 'static,
        Fut: Future<Output = Result<O>> + Send,
    {
        let handler = move |call: Call<S>, request: Request| {
            let handler = handler.clone();
            async move {
                let input = I::read(&call.context, request).await?;
                handler(call, input).await?.into_response()
            }
            .boxed()
        };
        Endpoint {
            method,
            path,
            route: path,
            about,
            access,
            always: false,
            takes: I::takes(),
            gives: O::gives(),
            errors: Vec::new(),
            limit: None,
            error_page: None,
            handler: Box::new(handler),
        }
    }

    /// Counted with the endpoints of another path, so that what is one thing under several paths has the series of one.
    pub fn counted_as(self, route: &'static str) -> Self {
        Endpoint { route, ..self }
    }

    /// Answered even when the service is overloaded.
    pub fn always(self) -> Self {
        Endpoint { always: true, ..self }
    }

    /// How else its handler can fail, beside what it takes and whom it is for.
    pub fn fails_with(mut self, errors: &[ErrorCode]) -> Self {
        self.errors.extend(errors);
        self
    }

    /// How often one client may call it.
    pub fn limited_by(self, limit: LimitOf<S>) -> Self {
        Endpoint { limit: Some(limit), ..self }
    }

    /// Whatever goes wrong, people are told of it by this page.
    pub fn told_by(self, page: ErrorPage<S>) -> Self {
        Endpoint { error_page: Some(page), ..self }
    }

    /// Every error that it can answer with.
    pub fn errors(&self) -> Vec<ErrorCode> {
        let mut errors = vec![ErrorCode::InternalError, ErrorCode::Timeout];
        if !self.always || self.limit.is_some() {
            errors.extend([ErrorCode::RateLimited, ErrorCode::ServiceOverloaded]);
        }
        errors.extend(self.access.errors());
        errors.extend(self.takes.errors());
        errors.extend(&self.errors);
        errors.sort_by_key(|error| *error as usize);
        errors.dedup();
        errors
    }

    /// The statuses that it answers this error with.
    pub(super) fn statuses_of(&self, error: ErrorCode) -> impl Iterator<Item = u16> {
        // A wrong password is 401 where it is what lets somebody in, and 403 where a token has.
        let is_let_in = self.access != Access::Anyone;
        let is_one = move |status: &u16| error != ErrorCode::InvalidCredentials || (*status == 403) == is_let_in;
        error.about().statuses.iter().copied().filter(is_one)
    }

    /// Every status that it can answer with.
    pub(super) fn statuses(&self) -> Vec<u16> {
        let mut statuses: Vec<u16> = self.gives.statuses().chain([503]).collect();
        statuses.extend(self.errors().into_iter().flat_map(|error| self.statuses_of(error)));
        statuses.sort_unstable();
        statuses.dedup();
        statuses
    }

    /// Answers a request. What a page of another site can have a browser send does not count against the limit of the endpoint, but as
    /// one of all requests. Whether the client may call once more is decided before anything else of it is looked at; then, whether the
    /// caller may, who is told nothing else before.
    pub(super) async fn answer(
        &self,
        call: Call<S>,
        request: Request,
        permitted: impl Future<Output = Result<()>>,
    ) -> Result<Response> {
        let checked = self.takes.check(&request.head);
        let counted = if checked.is_ok() { self.count(&call) } else { Ok(()) };
        let refused = match counted {
            Ok(()) => permitted.await.and(checked).err(),
            Err(refused) => Some(refused),
        };
        (self.handler)(call, Request { refused, ..request }).await
    }

    fn count(&self, call: &Call<S>) -> Result<()> {
        call.context.take_one_of(self.limit.and_then(|limit| limit(&call.state)))
    }
}
