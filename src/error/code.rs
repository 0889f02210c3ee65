//! The table of error types: code, kind, HTTP status, title, meaning, and what to do.
//!
//! It is the only place that says these; responses, metrics, `/errors` and `docs/ERRORS.md` come from it.

use http::StatusCode;

use crate::label::labels;

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

/// What is known of an error type.
#[derive(Clone, Copy, Debug)]
pub struct About {
    /// What it says about the service.
    pub kind: ErrorKind,
    /// The statuses of the answers that carry it, the usual one first; none where no request waits for it.
    pub statuses: &'static [u16],
    /// The title of a problem document (RFC 9457): the same for each occurrence.
    pub title: &'static str,
    /// What happened, for an operator.
    pub meaning: &'static str,
    /// What an operator does about it.
    pub remedy: &'static str,
}

/// Makes of the table the enum and what is known of each value. The comment of a line is the error's meaning.
macro_rules! error_codes {
    ($($(#[doc = $meaning:literal])+ $code:ident = $name:literal, $kind:ident $statuses:expr, $title:literal, $remedy:literal;)+) => {
        labels! {
            /// The stable name of an error: the same in a response's `code`, in the log and in `neodyme_errors_total`.
            pub enum ErrorCode("error_type") {
                $($(#[doc = $meaning])+ $code = $name,)+
            }
        }

        impl ErrorCode {
            /// What is known of this error type.
            pub const fn about(self) -> About {
                match self {
                    $(ErrorCode::$code => About {
                        kind: ErrorKind::$kind,
                        statuses: &$statuses,
                        title: $title,
                        meaning: concat!($($meaning),+).trim_ascii(),
                        remedy: $remedy,
                    },)+
                }
            }
        }
    };
}

error_codes! {
    /// The database cannot be reached, takes too long, takes no writes, or refused a statement.
    DatabaseError = "DATABASE_ERROR", Critical [503], "The service cannot use its database",
        "Read the kind and the remedy in the cause chain; docs/DATABASE.md explains each kind.";
    /// The machinery of authentication failed (a key, a corrupt hash), not a person who mistyped a password.
    AuthenticationFailure = "AUTHENTICATION_FAILURE", Critical [500], "Authentication is out of order",
        "Read the cause chain. A key: `neodyme keys list`, and is `key_encryption_key` the same for all instances? A hash: the \
         user's row was changed by something else; restore it.";
    /// What only an attack or a bug does: a refresh token that came again more than 10 seconds after it was used.
    SecurityViolation = "SECURITY_VIOLATION", Critical [403], "Refused for security reasons",
        "The session has ended already. Keep the log, find the user and the address by the request id; if the user's device is \
         the thief's, end the other sessions too.";
    /// Mail could not be sent. It is tried again: where the fault is its own for `outbox_retry_for`, where the service fails
    /// for as long as that takes.
    EmailServiceError = "EMAIL_SERVICE_ERROR", Unexpected [], "The service failed",
        "Look at the mail server: `smtp_host`, and the other `smtp_` settings.";
    /// An event could not be sent to the analytics service. It is tried again: where the fault is its own for
    /// `outbox_retry_for`, where the service fails for as long as that takes.
    AnalyticsServiceError = "ANALYTICS_SERVICE_ERROR", Unexpected [], "The service failed",
        "Look at the analytics service: `analytics_base_url`.";
    /// An event could not be sent to the endpoint of a webhook. It is tried again: where the fault is its own for
    /// `outbox_retry_for`, where the endpoint fails for as long as that takes.
    WebhookServiceError = "WEBHOOK_SERVICE_ERROR", Unexpected [], "The service failed",
        "Look at the endpoint: `neodyme webhook list`, then `neodyme webhook test`.";
    /// A registration failed for a reason of the service's own.
    UserRegistrationError = "USER_REGISTRATION_ERROR", Unexpected [500], "The registration failed",
        "Read the cause chain; the step says where.";
    /// The outbox could not do its work.
    OutboxError = "OUTBOX_ERROR", Unexpected [], "The service failed",
        "Read the cause chain; jobs stay in the table `outbox_jobs` and are tried again.";
    /// A request took longer than `http_request_timeout`.
    Timeout = "TIMEOUT", Unexpected [503], "The service took too long",
        "The step says what it waited for: the database, or a free hash worker.";
    /// A bug.
    InternalError = "INTERNAL_ERROR", Unexpected [500], "The service failed",
        "Find the line `Panic` with the same time in the log, and report it.";
    /// The address is registered already.
    EmailAlreadyExists = "EMAIL_ALREADY_EXISTS", Expected [409], "Email address already registered",
        "Nothing. A flood of them is somebody who tries addresses.";
    /// The client sent an `Idempotency-Key` with another registration than the first that had it.
    IdempotencyKeyReused = "IDEMPOTENCY_KEY_REUSED", Expected [422], "The key was used for another registration",
        "Nothing: that client's bug, or its user who changed the form and sent it again.";
    /// The body has faults.
    ValidationFailed = "VALIDATION_FAILED", Expected [422], "The request is not valid",
        "Nothing; many at once after a release of a client are that client's bug.";
    /// The body is not JSON.
    MalformedJson = "MALFORMED_JSON", Expected [400], "The body is not valid JSON", "Nothing.";
    /// The body is not said to be JSON.
    UnsupportedMediaType = "UNSUPPORTED_MEDIA_TYPE", Expected [415], "The body must be JSON", "Nothing.";
    /// The body is larger than `http_max_body_bytes`.
    BodyTooLarge = "BODY_TOO_LARGE", Expected [413], "The body is too large", "Nothing.";
    /// The body broke off (400), or did not arrive in time (408).
    BodyIncomplete = "BODY_INCOMPLETE", Expected [400, 408], "The body did not arrive",
        "Nothing; many are a bad network, or clients that hold connections.";
    /// A parameter of the query is not one of those accepted.
    InvalidParameter = "INVALID_PARAMETER", Expected [400], "The query is not valid",
        "Read the detail: it names what is accepted.";
    /// There is no valid token: the operations listener's own, an access token, or a refresh token.
    Unauthorized = "UNAUTHORIZED", Expected [401], "A token is needed",
        "An operator's tool: give it the token in `ops_token`. Users: nothing, they sign in again; many at once after a change of \
         keys are the clients of other instances. Many from one address are somebody who guesses.";
    /// The address or the password is wrong; which, is not said. 403 where somebody who is signed in said the password again.
    InvalidCredentials = "INVALID_CREDENTIALS", Expected [401, 403], "Wrong address or password",
        "Nothing. A flood of them is somebody who tries passwords.";
    /// The password is right, and the user was switched off.
    AccountInactive = "ACCOUNT_INACTIVE", Expected [403], "The account is switched off", "Nothing.";
    /// The password is right, and the address not verified, which `require_verified_email` asks for.
    EmailNotVerified = "EMAIL_NOT_VERIFIED", Expected [403], "The email address is not verified",
        "Nothing: the user opens the link in the welcome email, or asks for another one. Many at once are emails that do not arrive.";
    /// As many passwords in a row were wrong as `login_max_failures` allows: none is tried any more.
    PasswordLocked = "PASSWORD_LOCKED", Expected [403], "Too many wrong passwords",
        "Somebody tries passwords. `neodyme user activate` lets the user try again, as does a password that is reset by email.";
    /// What is asked for is not allowed: to the caller, or as the service is configured.
    Forbidden = "FORBIDDEN", Expected [403], "Not allowed", "Read the detail: it names the permission or the setting.";
    /// The user is the only admin who may use the service, and was to be switched off, to have another role, or to go.
    LastAdmin = "LAST_ADMIN", Expected [409], "The last admin",
        "Nothing: two admins took it from each other at the same time. `neodyme user grant` makes another one.";
    /// What was to be changed has changed since the client read it.
    PreconditionFailed = "PRECONDITION_FAILED", Expected [412], "It has changed meanwhile",
        "Nothing: two changed the same user, and one of them was told.";
    /// The head of the request is not as HTTP wants it: it cannot be read, is too large, or has no valid `Host`; or a
    /// form is not UTF-8.
    MalformedRequest = "MALFORMED_REQUEST", Expected [400, 414, 431], "The request is not valid HTTP",
        "Nothing; many are a client's bug, or somebody who looks for holes. A proxy that sends large headers needs a larger \
         `http_max_header_bytes`.";
    /// The operations listener was asked under a name that it does not know.
    MisdirectedRequest = "MISDIRECTED_REQUEST", Expected [421], "Not the host that was asked for",
        "Add the name to `ops_allowed_hosts` if it is yours. If not, a foreign page has a browser ask.";
    /// There is nothing at this path.
    NotFound = "NOT_FOUND", Expected [404], "Nothing here", "Nothing.";
    /// The path does not serve this method.
    MethodNotAllowed = "METHOD_NOT_ALLOWED", Expected [405], "Method not allowed", "Nothing.";
    /// The client asks for more than its share: too often, or too much at once.
    RateLimited = "RATE_LIMITED", Expected [429], "Too many requests",
        "Nothing, where it is one flood. Where many people share the address, raise `registrations_per_client`, \
         `logins_per_client`, `refreshes_per_client`, `code_emails_per_client`, \
         `http_requests_per_client` and `http_max_requests_per_client`; where all clients have the proxy's address, set \
         `trusted_proxies`.";
    /// The service has more to do than it can.
    ServiceOverloaded = "SERVICE_OVERLOADED", Expected [503], "The service is overloaded",
        "Look at the password hash queue and the requests in flight; add instances.";
}

impl ErrorCode {
    /// What this error says about the service.
    pub const fn kind(self) -> ErrorKind {
        self.about().kind
    }

    /// The usual status of an answer that carries it; 500 where no request waits for it.
    pub fn status(self) -> StatusCode {
        let status = self.about().statuses.first().and_then(|status| StatusCode::from_u16(*status).ok());
        status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The error type of that name.
    pub fn parse(name: &str) -> Option<ErrorCode> {
        Self::ALL.iter().copied().find(|code| code.as_str() == name)
    }

    /// The runbook of the first of its alerts.
    pub fn runbook(self) -> Option<&'static str> {
        self.alert().and_then(|alerts| alerts.split(", ").next())
    }

    /// The alert that names this error type; none where it is everyday business.
    pub const fn alert(self) -> Option<&'static str> {
        match (self, self.kind()) {
            (ErrorCode::EmailAlreadyExists, _) => Some("NeodymeDuplicateRegistrationSpike"),
            (ErrorCode::WebhookServiceError, _) => {
                Some("NeodymeWebhookFailing, NeodymeErrorRateHigh, NeodymeErrorUsersAffected")
            }
            (ErrorCode::EmailServiceError | ErrorCode::AnalyticsServiceError, _) => {
                Some("NeodymeExternalServiceFailing, NeodymeErrorRateHigh, NeodymeErrorUsersAffected")
            }
            (_, ErrorKind::Critical) => Some("NeodymeCriticalError"),
            (_, ErrorKind::Unexpected) => Some("NeodymeErrorRateHigh, NeodymeErrorUsersAffected"),
            (_, ErrorKind::Expected) => None,
        }
    }
}
