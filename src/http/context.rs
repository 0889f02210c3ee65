//! What is known of a request, from its head to its answer; the ids that every line about it carries.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use http::HeaderMap;
use http::header::TRANSFER_ENCODING;
use http::request::Parts;
use ipnet::IpNet;
use slog::{Logger, o};
use uuid::Uuid;

use super::client_address::client_address;
use super::limit::{Limit, Quota};
use super::{Asker, Progress, Reader, RequestId, TraceContext};
use crate::error::{Error, Result};
use crate::fairness::{ClientKey, Place};
use crate::telemetry::logging::{LoggerName, Loggers};
use crate::values::Origin;

/// What is known of one request.
pub struct Context {
    /// Its id.
    pub request_id: RequestId,
    /// Its place in a distributed trace.
    pub trace: TraceContext,
    /// Who asks.
    pub client_ip: IpAddr,
    /// Whose share of the service it takes.
    pub client: ClientKey,
    /// Who reads the answer where it is a page, or what goes wrong is told by one; else nothing.
    pub reader: Reader,
    loggers: Loggers,
    user_id: OnceLock<Uuid>,
    caller: OnceLock<Uuid>,
    address: OnceLock<String>,
    hit: OnceLock<Uuid>,
    step: Mutex<Option<&'static str>>,
    abandoned: AtomicBool,
    ends_connection: AtomicBool,
    error_is_told: AtomicBool,
    place: OnceLock<Place<()>>,
    quota: Mutex<Option<Quota>>,
    progress: Arc<dyn Progress>,
}

impl Context {
    /// Reads the ids from the head of a request, and makes those that are missing.
    pub(super) fn new(
        head: &Parts,
        peer: IpAddr,
        trusted_proxies: &[IpNet],
        loggers: &Loggers,
        progress: Arc<dyn Progress>,
        reader: Reader,
    ) -> Self {
        // Ids need be unique, not secret: the thread's own generator, and no system call.
        let (request, trace, span) = rand::random();
        let client_ip = client_address(peer, &head.headers, trusted_proxies);
        Context {
            request_id: RequestId::from_header(head.headers.get("x-request-id"), request),
            trace: TraceContext::from_header(head.headers.get("traceparent"), trace, span),
            client_ip,
            client: client_ip.into(),
            reader,
            loggers: loggers.clone(),
            user_id: OnceLock::new(),
            caller: OnceLock::new(),
            address: OnceLock::new(),
            hit: OnceLock::new(),
            step: Mutex::new(None),
            abandoned: AtomicBool::new(false),
            ends_connection: AtomicBool::new(head.headers.contains_key(TRANSFER_ENCODING)),
            error_is_told: AtomicBool::new(false),
            place: OnceLock::new(),
            quota: Mutex::new(None),
            progress,
        }
    }

    /// The request is here; from now on its connection does not give way to another.
    pub(super) fn begin_work(&self) {
        self.progress.work_begins();
    }

    /// Who waits for the answer: the request on its connection, which gives way once the client does not take it.
    pub fn asker(&self) -> Arc<Asker> {
        Arc::new(Asker::new(Arc::clone(&self.progress)))
    }

    /// A logger whose lines carry the ids of this request, and once they are known those of who calls and of the user whom it
    /// is about.
    pub fn logger(&self, name: LoggerName) -> Logger {
        let ids = o!(
            "span_id" => self.trace.span_id(),
            "trace_id" => self.trace.trace_id(),
            "request_id" => self.request_id,
        );
        let logger = self.loggers.get(name).new(ids);
        let logger = match self.caller.get() {
            Some(caller) => logger.new(o!("caller" => caller.to_string())),
            None => logger,
        };
        match self.user_id.get() {
            Some(user_id) => logger.new(o!("user_id" => user_id.to_string())),
            None => logger,
        }
    }

    /// This user calls, as a valid token or cookie says. An error of the request hits the caller.
    pub fn set_caller(&self, caller: Uuid) {
        let _ = self.caller.set(caller);
        let _ = self.hit.set(caller);
    }

    /// The user who calls, where that is known.
    pub fn caller(&self) -> Option<Uuid> {
        self.caller.get().copied()
    }

    /// Whether the request is known to be about a user.
    pub fn has_user(&self) -> bool {
        self.user_id.get().is_some()
    }

    /// From here on the request is about this user.
    pub fn set_user_id(&self, user_id: Uuid) {
        let _ = self.user_id.set(user_id);
    }

    /// See [`Context::set_user_id`].
    pub fn user_id(&self) -> Option<Uuid> {
        self.user_id.get().copied()
    }

    /// What the audit trail, and whatever follows the request, know of it.
    pub fn origin(&self) -> Origin {
        Origin {
            request_id: self.request_id.to_string(),
            trace_id: self.trace.trace_id().to_string(),
            traceparent: self.trace.traceparent(),
            client_ip: Some(self.client_ip),
        }
    }

    /// From here on this step is at work; an error tells the last one.
    pub fn enter_step(&self, step: &'static str) {
        *self.step.lock().unwrap_or_else(PoisonError::into_inner) = Some(step);
    }

    /// See [`Context::enter_step`].
    pub fn step(&self) -> Option<&'static str> {
        *self.step.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// This user asks, without a token that says so: the request is about the user, and an error of it hits the user.
    pub fn set_asking_user(&self, user_id: Uuid) {
        self.set_user_id(user_id);
        let _ = self.hit.set(user_id);
    }

    /// An error of this request hits whoever has this normalised address, as long as it is not known which user that is.
    pub fn set_address(&self, address: &str) {
        let _ = self.address.set(address.to_owned());
    }

    /// Whom an error of this request hits: a user's id wherever it is known, so that nobody counts twice; else an address.
    pub fn subject(&self) -> Option<Cow<'_, str>> {
        let address = || self.address.get().map(|address| Cow::Borrowed(address.as_str()));
        self.hit.get().map(|id| Cow::Owned(id.to_string())).or_else(address)
    }

    /// The request takes this place for as long as anything of it is under way.
    pub(super) fn hold(&self, place: Place<()>) {
        let _ = self.place.set(place);
    }

    /// Counts the request against a limit of its client, where there is one. The answer tells what is left of the one that was asked last.
    ///
    /// # Errors
    /// [`Error::RateLimited`] where nothing is left.
    pub fn take_one_of(&self, limit: Option<&Limit>) -> Result<()> {
        let Some(limit) = limit else { return Ok(()) };
        let quota = limit.take(self.client);
        let checked = quota.check();
        *self.quota.lock().unwrap_or_else(PoisonError::into_inner) = Some(quota);
        checked
    }

    /// See [`Context::take_one_of`].
    pub(super) fn tell_quota(&self, headers: &mut HeaderMap) {
        if let Some(quota) = &*self.quota.lock().unwrap_or_else(PoisonError::into_inner) {
            quota.tell(headers);
        }
    }

    /// The body was read to its end, and nothing came behind it.
    pub(super) fn keep_connection(&self) {
        self.ends_connection.store(false, Relaxed);
    }

    /// What the client sends cannot be trusted to be HTTP.
    pub(super) fn end_connection(&self) {
        self.ends_connection.store(true, Relaxed);
    }

    /// Whether the connection must not carry another request. Where the end of a chunked body was not seen, or had
    /// trailers, server and client may disagree on where the next request begins (RFC 9112, 11.2).
    pub(super) fn ends_connection(&self) -> bool {
        self.ends_connection.load(Relaxed)
    }

    /// The failure of this request stands in the log as an error already, with its causes: once is enough.
    pub fn error_is_told(&self) {
        self.error_is_told.store(true, Relaxed);
    }

    /// See [`Context::error_is_told`].
    pub(super) fn is_error_told(&self) -> bool {
        self.error_is_told.load(Relaxed)
    }

    /// The service itself gave up on the handler: what is dropped now failed, and was not cancelled by the client.
    pub(super) fn abandon(&self) {
        self.abandoned.store(true, Relaxed);
    }

    /// What work for this request failed with that is dropped now, before its end: a bug, while it did this, or the time that it
    /// took. `None`: its client went away.
    pub fn cut_by(&self, doing: &str, took: Duration) -> Option<Error> {
        if std::thread::panicking() {
            return Some(Error::Internal(doing.to_owned()));
        }
        self.abandoned.load(Relaxed).then_some(Error::Timeout(took))
    }
}
