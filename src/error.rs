//! The one error of the service: what failed, under which stable code, with which HTTP status.
//!
//! An [`Error`] is logged and counted once, at the boundary, with its whole chain of causes. A response carries only its
//! code, its title and a detail that is safe to show.

use http::StatusCode;

use crate::label::labels;

labels! {
    /// The stable name of an error: the same in a response's `code`, in the log and in `neodyme_errors_total`.
    pub enum ErrorCode("error_type") {
        /// The database failed.
        DatabaseError = "DATABASE_ERROR",
        /// The machinery of authentication failed (a key, a corrupt hash), not a person who mistyped a password.
        AuthenticationFailure = "AUTHENTICATION_FAILURE",
        /// What only an attack or a bug does.
        SecurityViolation = "SECURITY_VIOLATION",
        /// Mail could not be sent.
        EmailServiceError = "EMAIL_SERVICE_ERROR",
        /// An event could not be sent.
        AnalyticsServiceError = "ANALYTICS_SERVICE_ERROR",
        /// A registration failed for a reason of the service's own.
        UserRegistrationError = "USER_REGISTRATION_ERROR",
        /// The outbox could not do its work.
        OutboxError = "OUTBOX_ERROR",
        /// A request took longer than the service allows itself.
        Timeout = "TIMEOUT",
        /// A bug.
        InternalError = "INTERNAL_ERROR",
        /// The address is registered already.
        EmailAlreadyExists = "EMAIL_ALREADY_EXISTS",
        /// The body has faults.
        ValidationFailed = "VALIDATION_FAILED",
        /// The body is not JSON.
        MalformedJson = "MALFORMED_JSON",
        /// The body is not said to be JSON.
        UnsupportedMediaType = "UNSUPPORTED_MEDIA_TYPE",
        /// The body is too large.
        BodyTooLarge = "BODY_TOO_LARGE",
        /// The body did not arrive whole, or not in time.
        BodyIncomplete = "BODY_INCOMPLETE",
        /// There is nothing at this path.
        NotFound = "NOT_FOUND",
        /// The path does not serve this method.
        MethodNotAllowed = "METHOD_NOT_ALLOWED",
        /// The service has more to do than it can.
        ServiceOverloaded = "SERVICE_OVERLOADED",
    }
}

labels! {
    /// What an error says about the service.
    pub enum ErrorKind("kind") {
        /// Pages from the first one on.
        Critical = "critical",
        /// Pages when there are many, or many are hit.
        Unexpected = "unexpected",
        /// Everyday business: counted, never paged as an error.
        Expected = "expected",
    }
}

impl ErrorCode {
    /// What this error says about the service.
    pub const fn kind(self) -> ErrorKind {
        use ErrorCode::*;
        match self {
            DatabaseError | AuthenticationFailure | SecurityViolation => ErrorKind::Critical,
            EmailServiceError
            | AnalyticsServiceError
            | UserRegistrationError
            | OutboxError
            | Timeout
            | InternalError => ErrorKind::Unexpected,
            EmailAlreadyExists | ValidationFailed | MalformedJson | UnsupportedMediaType | BodyTooLarge
            | BodyIncomplete | NotFound | MethodNotAllowed | ServiceOverloaded => ErrorKind::Expected,
        }
    }

    /// The title of a problem document (RFC 9457): the same for each occurrence.
    pub const fn title(self) -> &'static str {
        use ErrorCode::*;
        match self {
            DatabaseError => "The service cannot reach its database",
            AuthenticationFailure => "Authentication is out of order",
            SecurityViolation => "Refused for security reasons",
            EmailServiceError | AnalyticsServiceError | OutboxError | InternalError => "The service failed",
            UserRegistrationError => "The registration failed",
            Timeout => "The service took too long",
            EmailAlreadyExists => "Email address already registered",
            ValidationFailed => "The request is not valid",
            MalformedJson => "The body is not valid JSON",
            UnsupportedMediaType => "The body must be JSON",
            BodyTooLarge => "The body is too large",
            BodyIncomplete => "The body did not arrive",
            NotFound => "Nothing here",
            MethodNotAllowed => "Method not allowed",
            ServiceOverloaded => "The service is overloaded",
        }
    }
}

labels! {
    /// Where a database failure comes from.
    pub enum DbErrorKind("kind") {
        /// No connection could be had, or it broke.
        Connection = "connection",
        /// The pool, or a statement, took longer than its limit.
        Timeout = "timeout",
        /// A constraint refused the change.
        Constraint = "constraint",
        /// The database chose this transaction as the victim of a deadlock.
        Deadlock = "deadlock",
        /// Concurrent transactions could not be put in an order.
        Serialization = "serialization",
        /// SQLite: another process holds the write lock.
        Busy = "busy",
        /// Anything else.
        Other = "other",
    }
}

/// A cause that is kept for the log.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// One fault of a field, for the client.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct FieldError {
    /// The field's name; empty when the body as a whole is at fault.
    pub field: String,
    /// A stable name of the fault: `missing`, `type`, `too_short`, ….
    pub code: &'static str,
    /// The fault in words; never the rejected value.
    pub message: String,
}

/// Everything that can go wrong while the service runs.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database failed.
    #[error("the database failed ({})", kind.as_str())]
    Database {
        /// Where the failure comes from.
        kind: DbErrorKind,
        /// What the driver said.
        #[source]
        cause: Cause,
    },
    /// A password could not be hashed.
    #[error("the password could not be hashed")]
    PasswordHash(#[source] Cause),
    /// A handler took longer than `http_request_timeout`.
    #[error("the request took longer than {0:?}")]
    Timeout(std::time::Duration),
    /// A handler, or a task it waited for, panicked.
    #[error("a handler panicked: {0}")]
    Panic(String),
    /// The address is registered already.
    #[error("this email address is registered already")]
    EmailAlreadyExists,
    /// The body has faults; all of them.
    #[error("the body has {} fault(s)", .0.len())]
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
    /// There is nothing at this path.
    #[error("there is nothing at this path")]
    NotFound,
    /// The path does not serve this method.
    #[error("this path does not serve this method")]
    MethodNotAllowed,
    /// The service has more to do than it can.
    #[error("the service is overloaded: {what}")]
    Overloaded {
        /// What there is too much of.
        what: &'static str,
        /// When to try again, in seconds.
        retry_after: u64,
    },
}

/// The result of anything that can fail at run time.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// The stable name of this error.
    pub fn code(&self) -> ErrorCode {
        match self {
            Error::Database { .. } => ErrorCode::DatabaseError,
            Error::PasswordHash(_) => ErrorCode::UserRegistrationError,
            Error::Timeout(_) => ErrorCode::Timeout,
            Error::Panic(_) => ErrorCode::InternalError,
            Error::EmailAlreadyExists => ErrorCode::EmailAlreadyExists,
            Error::Validation(_) => ErrorCode::ValidationFailed,
            Error::MalformedJson { .. } => ErrorCode::MalformedJson,
            Error::UnsupportedMediaType => ErrorCode::UnsupportedMediaType,
            Error::BodyTooLarge { .. } => ErrorCode::BodyTooLarge,
            Error::BodyTimeout(_) | Error::BodyIncomplete(_) => ErrorCode::BodyIncomplete,
            Error::NotFound => ErrorCode::NotFound,
            Error::MethodNotAllowed => ErrorCode::MethodNotAllowed,
            Error::Overloaded { .. } => ErrorCode::ServiceOverloaded,
        }
    }

    /// The status of the response.
    pub fn status(&self) -> StatusCode {
        match self {
            Error::Database { .. } | Error::Timeout(_) | Error::Overloaded { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Error::PasswordHash(_) | Error::Panic(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Error::EmailAlreadyExists => StatusCode::CONFLICT,
            Error::Validation(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Error::MalformedJson { .. } | Error::BodyIncomplete(_) => StatusCode::BAD_REQUEST,
            Error::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Error::BodyTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Error::BodyTimeout(_) => StatusCode::REQUEST_TIMEOUT,
            Error::NotFound => StatusCode::NOT_FOUND,
            Error::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        }
    }

    /// Seconds after which a client may try again; of every error with status 503.
    pub fn retry_after(&self) -> Option<u64> {
        match self {
            Error::Overloaded { retry_after, .. } => Some(*retry_after),
            Error::Database { .. } | Error::Timeout(_) => Some(5),
            _ => None,
        }
    }

    /// What a client may read about this occurrence. A failure of the service keeps its details for the log.
    pub fn detail(&self) -> String {
        match self {
            Error::Database { .. } | Error::Timeout(_) => "Nothing was lost on your side; try again later.".into(),
            Error::PasswordHash(_) | Error::Panic(_) => "The failure was recorded under this request's id.".into(),
            client_fault => client_fault.to_string(),
        }
    }
}
