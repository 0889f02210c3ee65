//! Errors: how many, of which cause, when last, and how many users they hit.

mod users;

use std::collections::BTreeMap;
use std::sync::OnceLock;

use lazy_static::lazy_static;

pub use self::users::Incident;
use self::users::{Users, process_name, user_hash};
use super::declare::{CounterBy, GaugeBy, metrics, register};
use super::registry::unix_now;
use crate::error::{DbErrorKind, ErrorCode, ErrorKind};
use crate::label::LabelSet;
use crate::values::job::Reason;

lazy_static! {
    static ref USERS: Users = register(Ok(Users::new(&process_name())));
}

metrics! { touch;
    ERRORS: CounterBy<OfKind> = "errors_total",
        "Errors by type. Kind: critical pages at once, unexpected when there are many, expected never.";
    LAST_SEEN: GaugeBy<ErrorCode> = "error_last_seen_timestamp_seconds",
        "When an error of this type was last seen, in seconds since the epoch; 0 = never.";
    CAUSES: CounterBy<OfCause> = "error_causes_total",
        "Errors of the types whose cause is known, by class of cause.";
}

/// The class of an error's cause, where it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CauseClass {
    /// What the database failed with.
    Database(DbErrorKind),
    /// What a delivery failed with.
    Delivery(Reason),
}

impl CauseClass {
    /// The label value.
    pub fn as_str(self) -> &'static str {
        match self {
            CauseClass::Database(kind) => kind.as_str(),
            CauseClass::Delivery(reason) => reason.as_str(),
        }
    }
}

/// An error type with one of the causes that it can have.
#[derive(Clone, Copy)]
enum OfCause {
    Database(DbErrorKind),
    Email(Reason),
    Analytics(Reason),
    Webhook(Reason),
}

impl OfCause {
    fn of(code: ErrorCode, class: CauseClass) -> Option<Self> {
        match (code, class) {
            (ErrorCode::DatabaseError, CauseClass::Database(kind)) => Some(OfCause::Database(kind)),
            (ErrorCode::EmailServiceError, CauseClass::Delivery(reason)) => Some(OfCause::Email(reason)),
            (ErrorCode::AnalyticsServiceError, CauseClass::Delivery(reason)) => Some(OfCause::Analytics(reason)),
            (ErrorCode::WebhookServiceError, CauseClass::Delivery(reason)) => Some(OfCause::Webhook(reason)),
            _ => None,
        }
    }
}

impl LabelSet for OfCause {
    const COUNT: usize = DbErrorKind::COUNT + 3 * Reason::COUNT;

    fn names() -> Vec<&'static str> {
        vec!["error_type", "cause"]
    }

    fn all() -> Vec<Self> {
        let database = DbErrorKind::ALL.iter().copied().map(OfCause::Database);
        let email = Reason::ALL.iter().copied().map(OfCause::Email);
        let analytics = Reason::ALL.iter().copied().map(OfCause::Analytics);
        let webhook = Reason::ALL.iter().copied().map(OfCause::Webhook);
        database.chain(email).chain(analytics).chain(webhook).collect()
    }

    fn index(self) -> usize {
        match self {
            OfCause::Database(kind) => kind.index(),
            OfCause::Email(reason) => DbErrorKind::COUNT + reason.index(),
            OfCause::Analytics(reason) => DbErrorKind::COUNT + Reason::COUNT + reason.index(),
            OfCause::Webhook(reason) => DbErrorKind::COUNT + 2 * Reason::COUNT + reason.index(),
        }
    }

    fn values(self) -> Vec<&'static str> {
        let (code, cause) = match self {
            OfCause::Database(kind) => (ErrorCode::DatabaseError, kind.as_str()),
            OfCause::Email(reason) => (ErrorCode::EmailServiceError, reason.as_str()),
            OfCause::Analytics(reason) => (ErrorCode::AnalyticsServiceError, reason.as_str()),
            OfCause::Webhook(reason) => (ErrorCode::WebhookServiceError, reason.as_str()),
        };
        vec![code.as_str(), cause]
    }
}

/// An error type with its kind.
#[derive(Clone, Copy)]
struct OfKind(ErrorCode);

impl LabelSet for OfKind {
    const COUNT: usize = ErrorCode::ALL.len();

    fn names() -> Vec<&'static str> {
        vec!["error_type", "kind"]
    }

    fn all() -> Vec<Self> {
        ErrorCode::ALL.iter().copied().map(OfKind).collect()
    }

    fn index(self) -> usize {
        self.0 as usize
    }

    fn values(self) -> Vec<&'static str> {
        vec![self.0.as_str(), self.0.kind().as_str()]
    }
}

static KEY: OnceLock<[u8; 16]> = OnceLock::new();

pub(super) fn init() {
    touch();
    lazy_static::initialize(&USERS);
}

/// Sets the key of the user hashes. All instances of a service use one key, so that a user counts once over all of them.
pub fn init_error_users(key: [u8; 16]) {
    KEY.get_or_init(|| key);
}

/// An error was met, and is recorded through [`crate::telemetry::errors::record`]; `subject` is the user it hit: the user
/// id, the normalised address where there is no user yet, or whoever asked where not even that is known.
pub(crate) fn error(code: ErrorCode, class: Option<CauseClass>, subject: Option<&str>) {
    let now = unix_now();
    ERRORS.at(OfKind(code)).inc();
    LAST_SEEN.at(code).set(now);
    if let Some(cause) = class.and_then(|class| OfCause::of(code, class)) {
        CAUSES.at(cause).inc();
    }
    USERS.happened(code, hash_of(subject), now);
}

/// What goes on of errors of this type at this instance, if anything does.
pub fn incident(code: ErrorCode) -> Option<Incident> {
    USERS.incident(code)
}

/// A user waits for what errors of this type keep from being done.
pub fn user_waits(code: ErrorCode, user: &str) {
    USERS.happened(code, hash_of(Some(user)), unix_now());
}

/// A request was answered with 5xx; `subject` is whom it hit: the address that was given, or the client.
pub fn request_failed(subject: &str) {
    USERS.request_failed(hash_of(Some(subject)), unix_now());
}

/// The hash of a subject, under the key that all instances share, once it is known.
pub(super) fn hash_of(subject: Option<&str>) -> Option<u64> {
    KEY.get().zip(subject).map(|(key, subject)| user_hash(key, subject))
}

/// Errors of a type.
pub(super) fn of_type(code: ErrorCode) -> u64 {
    ERRORS.at(OfKind(code)).get()
}

/// Errors, by kind.
pub(super) fn by_kind() -> BTreeMap<&'static str, u64> {
    let mut kinds: BTreeMap<_, _> = ErrorKind::ALL.iter().map(|kind| (kind.as_str(), 0)).collect();
    for code in ErrorCode::ALL {
        *kinds.entry(code.kind().as_str()).or_default() += of_type(*code);
    }
    kinds
}
