//! The one error of the service: what failed, under which stable code, with which HTTP status.
//!
//! An [`Error`] is logged and counted once, at the boundary, with its whole chain of causes. A response carries only its
//! code, its title and a detail that is safe to show.

mod code;
mod db_error_kind;
mod reference;

use std::error::Error as StdError;
use std::io;
use std::sync::Arc;

use http::StatusCode;

pub use self::code::{About, ErrorCode, ErrorKind};
pub use self::db_error_kind::DbErrorKind;
pub use self::reference::{markdown, statuses};

/// A cause that is kept for the log.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// An error and its causes, from the outermost; what an [`io::Error`] wraps is one of them.
pub fn chain<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    fn inner<'a>(&error: &&'a (dyn StdError + 'static)) -> Option<&'a (dyn StdError + 'static)> {
        match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        }
    }
    std::iter::successors(Some(error), inner)
}

/// What an error and its causes say, from the outermost. An [`io::Error`] speaks for what it wraps, which is not heard twice.
pub fn chain_in_words<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = String> + 'a {
    let wraps = |error: &(dyn StdError + 'static)| {
        error.downcast_ref::<io::Error>().is_some_and(|error| error.get_ref().is_some())
    };
    let mut is_said = false;
    chain(error).filter(move |error| !std::mem::replace(&mut is_said, wraps(*error))).map(ToString::to_string)
}

/// One fault of a field, for the client.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct FieldError {
    /// The field's name; empty when the body as a whole is at fault.
    pub field: String,
    /// A stable name of the fault: `missing`, `type`, `too_short`, ….
    pub code: &'static str,
    /// The fault in words; never the rejected value.
    pub message: String,
    /// The number of characters that the value was held against, for who says the fault in other words.
    #[serde(skip)]
    pub bound: Option<usize>,
}

/// Everything that can go wrong while the service runs.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database failed.
    #[error("the database failed ({})", kind.as_str())]
    Database {
        /// Where the failure comes from.
        kind: DbErrorKind,
        /// What the driver said; shared by all whom one failure hit.
        #[source]
        cause: Arc<dyn std::error::Error + Send + Sync>,
    },
    /// A password could not be hashed.
    #[error("the password could not be hashed")]
    PasswordHash(#[source] Cause),
    /// What signs people in is out of order: a key that is missing, or a hash that cannot be read.
    #[error("authentication is out of order")]
    Authentication(#[source] Cause),
    /// What only an attack or a bug does; what was done about it.
    #[error("{0}")]
    Security(&'static str),
    /// A handler took longer than `http_request_timeout`.
    #[error("the request took longer than {0:?}")]
    Timeout(std::time::Duration),
    /// A bug: a handler panicked, or an answer could not be written.
    #[error("internal error: {0}")]
    Internal(String),
    /// The address is registered already.
    #[error("this email address is registered already")]
    EmailAlreadyExists,
    /// Nobody would be left who may administer users.
    #[error("this is the only admin who may use the service: make another one first")]
    LastAdmin,
    /// The client has used its `Idempotency-Key` for another registration.
    #[error("this Idempotency-Key was used for another registration: send a new key with each")]
    IdempotencyKeyReused,
    /// The body has faults; all of them.
    #[error("{}", invalid_fields(.0.len()))]
    Validation(Vec<FieldError>),
    /// The body is not JSON.
    #[error("invalid JSON at line {line}, column {column}")]
    MalformedJson {
        /// Line of the first fault, from 1.
        line: usize,
        /// Column of the first fault, from 1; 0 before the line's first character.
        column: usize,
    },
    /// The body is not `application/json`.
    #[error("the Content-Type must be application/json")]
    UnsupportedMediaType,
    /// The body is compressed, or encoded otherwise.
    #[error("the body must not have a Content-Encoding")]
    UnsupportedEncoding,
    /// The body is larger than `http_max_body_bytes`.
    #[error("the body is larger than {limit} bytes")]
    BodyTooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The body did not arrive within `http_body_timeout`.
    #[error("the body did not arrive within {0:?}")]
    BodyTimeout(std::time::Duration),
    /// The body broke off.
    #[error("the body broke off")]
    BodyIncomplete(#[source] Cause),
    /// A parameter of the query is not one of those accepted.
    #[error("{parameter} is not accepted; accepted: {accepted}")]
    InvalidParameter {
        /// What is wrong, in words of ours: never the client's text.
        parameter: &'static str,
        /// What is accepted.
        accepted: String,
    },
    /// There is no token.
    #[error("bearer token missing: send the header `Authorization: Bearer` with the token in ops_token")]
    TokenMissing,
    /// The token is another one.
    #[error("bearer token wrong: the one in the header `Authorization: Bearer` is not the one in ops_token")]
    TokenWrong,
    /// There is no access token.
    #[error("an access token is missing: sign in, and send it in the header `Authorization: Bearer`")]
    AccessTokenMissing,
    /// The access token is not believed.
    #[error("the access token is not valid ({reason}): {advice}", reason = .0, advice = way_back(.0))]
    AccessTokenInvalid(&'static str),
    /// The caller may not do this.
    #[error("this needs the permission `{0}`")]
    PermissionMissing(&'static str),
    /// There is no such user, or the password is another one.
    #[error("the address or the password is wrong")]
    InvalidCredentials,
    /// The caller, whose token is valid, said a password that is not the caller's.
    #[error("the password is wrong; the access token is valid, and another one does not help")]
    ConfirmationWrong,
    /// The refresh token is none, or not any more.
    #[error("the refresh token is not valid: sign in again")]
    RefreshTokenInvalid,
    /// The password is right, and the user switched off.
    #[error("this account is switched off")]
    AccountInactive,
    /// The password is right, and the address not verified.
    #[error("this email address is not verified: open the link in the email, or ask for another one")]
    EmailNotVerified,
    /// So many passwords were wrong in a row that none is tried any more.
    #[error("too many passwords were wrong in a row for this email address: reset the password, or ask for help")]
    PasswordLocked,
    /// Passwords were wrong for this address; the next one has to wait.
    #[error("passwords were wrong for this address; try again in {retry_after} s")]
    LoginDelayed {
        /// When to try again, in seconds.
        retry_after: u64,
    },
    /// What was to be changed has changed meanwhile.
    #[error("it has changed since it was read: read it again, and send its new ETag in If-Match")]
    VersionMismatch,
    /// Not allowed as the service is configured; why.
    #[error("{0}")]
    Forbidden(&'static str),
    /// The head of the request is not as HTTP wants it, or a form no form; in what way.
    #[error("{0}")]
    MalformedRequest(&'static str),
    /// The target of the request is longer than any that is read.
    #[error("the target of the request is too long")]
    TargetTooLong,
    /// The head of the request is larger than `http_max_header_bytes`, or has more headers than are read.
    #[error("the head of the request is larger than http_max_header_bytes, or has more than 100 headers")]
    HeadTooLarge,
    /// The request is for a host that this listener is not.
    #[error(
        "this listener is not the host that was asked for: ask an IP address or localhost, or add the name to \
         ops_allowed_hosts (NEODYME_OPS_ALLOWED_HOSTS)"
    )]
    Misdirected,
    /// There is nothing at this path.
    #[error("there is nothing at this path")]
    NotFound,
    /// The path does not serve this method.
    #[error("this path does not serve this method")]
    MethodNotAllowed,
    /// The client has used up its share.
    #[error("too many {what} came from this address; try again in {retry_after} s")]
    RateLimited {
        /// What there is too much of.
        what: &'static str,
        /// When to try again, in seconds.
        retry_after: u64,
    },
    /// The service has more to do than it can.
    #[error("the service is overloaded: {what}")]
    Overloaded {
        /// What there is too much of.
        what: &'static str,
        /// When to try again, in seconds.
        retry_after: u64,
    },
}

/// The reason for which an access token is refused whose session has ended: no refresh helps then.
pub const SESSION_ENDED: &str = "session_ended";

fn way_back(reason: &str) -> &'static str {
    if reason == SESSION_ENDED { "sign in again" } else { "refresh it, or sign in again" }
}

fn invalid_fields(count: usize) -> String {
    if count == 1 { "1 field is invalid".to_owned() } else { format!("{count} fields are invalid") }
}

/// The result of anything that can fail at run time.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// The stable name of this error.
    pub fn code(&self) -> ErrorCode {
        match self {
            Error::Database { .. } => ErrorCode::DatabaseError,
            Error::PasswordHash(_) => ErrorCode::UserRegistrationError,
            Error::Authentication(_) => ErrorCode::AuthenticationFailure,
            Error::Security(_) => ErrorCode::SecurityViolation,
            Error::Timeout(_) => ErrorCode::Timeout,
            Error::Internal(_) => ErrorCode::InternalError,
            Error::EmailAlreadyExists => ErrorCode::EmailAlreadyExists,
            Error::LastAdmin => ErrorCode::LastAdmin,
            Error::IdempotencyKeyReused => ErrorCode::IdempotencyKeyReused,
            Error::Validation(_) => ErrorCode::ValidationFailed,
            Error::MalformedJson { .. } => ErrorCode::MalformedJson,
            Error::UnsupportedMediaType | Error::UnsupportedEncoding => ErrorCode::UnsupportedMediaType,
            Error::BodyTooLarge { .. } => ErrorCode::BodyTooLarge,
            Error::BodyTimeout(_) | Error::BodyIncomplete(_) => ErrorCode::BodyIncomplete,
            Error::InvalidParameter { .. } => ErrorCode::InvalidParameter,
            Error::TokenMissing
            | Error::TokenWrong
            | Error::AccessTokenMissing
            | Error::AccessTokenInvalid(_)
            | Error::RefreshTokenInvalid => ErrorCode::Unauthorized,
            Error::InvalidCredentials | Error::ConfirmationWrong => ErrorCode::InvalidCredentials,
            Error::AccountInactive => ErrorCode::AccountInactive,
            Error::EmailNotVerified => ErrorCode::EmailNotVerified,
            Error::PasswordLocked => ErrorCode::PasswordLocked,
            Error::Forbidden(_) | Error::PermissionMissing(_) => ErrorCode::Forbidden,
            Error::VersionMismatch => ErrorCode::PreconditionFailed,
            Error::MalformedRequest(_) | Error::TargetTooLong | Error::HeadTooLarge => ErrorCode::MalformedRequest,
            Error::Misdirected => ErrorCode::MisdirectedRequest,
            Error::NotFound => ErrorCode::NotFound,
            Error::MethodNotAllowed => ErrorCode::MethodNotAllowed,
            Error::RateLimited { .. } | Error::LoginDelayed { .. } => ErrorCode::RateLimited,
            Error::Overloaded { .. } => ErrorCode::ServiceOverloaded,
        }
    }

    /// The status of the response: the usual one of the error's code, unless it says more.
    pub fn status(&self) -> StatusCode {
        match self {
            Error::BodyTimeout(_) => StatusCode::REQUEST_TIMEOUT,
            Error::TargetTooLong => StatusCode::URI_TOO_LONG,
            Error::HeadTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            // Not 401, at which clients take their token for expired, get another, and try the same password once more.
            Error::ConfirmationWrong => StatusCode::FORBIDDEN,
            _ => self.code().status(),
        }
    }

    /// Where a failure of the database comes from; none where it is another's.
    pub fn database_kind(&self) -> Option<DbErrorKind> {
        match self {
            Error::Database { kind, .. } => Some(*kind),
            _ => None,
        }
    }

    /// Seconds after which a client may try again; of every error with status 429 or 503.
    pub fn retry_after(&self) -> Option<u64> {
        match self {
            Error::RateLimited { retry_after, .. }
            | Error::LoginDelayed { retry_after }
            | Error::Overloaded { retry_after, .. } => Some(*retry_after),
            Error::Database { .. } | Error::Timeout(_) => Some(5),
            _ => None,
        }
    }

    /// What a client may read about this occurrence. A failure of the service keeps its details for the log.
    pub fn detail(&self) -> String {
        match self {
            Error::Database { .. } | Error::Timeout(_) => "Nothing was lost on your side; try again later.".into(),
            Error::PasswordHash(_) | Error::Authentication(_) | Error::Internal(_) => {
                "The failure was recorded under this request's id.".into()
            }
            client_fault => client_fault.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn one_of_each() -> Vec<Error> {
        let cause = || Cause::from("cause");
        vec![
            Error::Database { kind: DbErrorKind::Other, cause: cause().into() },
            Error::PasswordHash(cause()),
            Error::Authentication(cause()),
            Error::Security(""),
            Error::Timeout(Duration::ZERO),
            Error::Internal(String::new()),
            Error::EmailAlreadyExists,
            Error::LastAdmin,
            Error::IdempotencyKeyReused,
            Error::Validation(Vec::new()),
            Error::MalformedJson { line: 1, column: 1 },
            Error::UnsupportedMediaType,
            Error::UnsupportedEncoding,
            Error::BodyTooLarge { limit: 1 },
            Error::BodyTimeout(Duration::ZERO),
            Error::BodyIncomplete(cause()),
            Error::InvalidParameter { parameter: "", accepted: String::new() },
            Error::TokenMissing,
            Error::TokenWrong,
            Error::AccessTokenMissing,
            Error::AccessTokenInvalid(""),
            Error::PermissionMissing(""),
            Error::InvalidCredentials,
            Error::ConfirmationWrong,
            Error::RefreshTokenInvalid,
            Error::AccountInactive,
            Error::EmailNotVerified,
            Error::PasswordLocked,
            Error::LoginDelayed { retry_after: 1 },
            Error::VersionMismatch,
            Error::Forbidden(""),
            Error::MalformedRequest(""),
            Error::TargetTooLong,
            Error::HeadTooLarge,
            Error::Misdirected,
            Error::NotFound,
            Error::MethodNotAllowed,
            Error::RateLimited { what: "requests", retry_after: 1 },
            Error::Overloaded { what: "", retry_after: 1 },
        ]
    }

    #[test]
    fn what_an_io_error_wraps_is_a_cause_that_has_been_heard() {
        let refused = io::Error::other(io::Error::from(io::ErrorKind::ConnectionRefused));
        let error = Error::BodyIncomplete(Box::new(io::Error::other(refused)));
        assert_eq!(chain(&error).count(), 4);
        assert_eq!(chain_in_words(&error).collect::<Vec<_>>(), ["the body broke off", "connection refused"]);
        let error = Error::PasswordHash("cause".into());
        assert_eq!(chain_in_words(&error).collect::<Vec<_>>(), ["the password could not be hashed", "cause"]);
    }

    #[test]
    fn every_status_is_in_the_table() {
        for error in one_of_each() {
            assert!(error.code().about().statuses.contains(&error.status().as_u16()), "{error:?}");
        }
    }

    #[test]
    fn every_429_and_503_says_when_to_try_again() {
        for error in one_of_each() {
            let later = matches!(error.status(), StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
            assert_eq!(error.retry_after().is_some(), later, "{error:?}");
        }
    }

    #[test]
    fn every_error_type_is_found_by_its_name_and_explained() {
        for code in ErrorCode::ALL {
            assert_eq!(ErrorCode::parse(code.as_str()), Some(*code));
            let about = code.about();
            assert!(about.meaning.ends_with('.') && about.remedy.ends_with('.'), "{code:?}");
            assert!(!about.title.is_empty() && !about.title.ends_with('.'), "{code:?}");
        }
    }
}
