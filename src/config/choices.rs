//! Settings with a few values, each of which has a name.

use super::value::choices;

/// What the service runs for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    /// A developer's machine, or a test: everything is allowed.
    Development,
    /// Real users: unsafe settings are refused.
    Production,
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people if standard output is a terminal, else JSON.
    Auto,
    /// One JSON object a line.
    Json,
    /// For people, at a glance: the important fields, short ids.
    Terminal,
    /// For people: every field, whole ids.
    Full,
}

/// What is told to whoever registers an address that is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegistrationConflict {
    /// That it is taken.
    Reveal,
    /// The same as for one that is not; its owner is told by email.
    Hide,
}

impl RegistrationConflict {
    /// Whether whoever gives an address may learn that somebody is registered with it.
    pub fn is_told(self) -> bool {
        self == RegistrationConflict::Reveal
    }
}

/// How a conversation with the mail server is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpTls {
    /// It begins in plain text and must change to TLS before anything is said (RFC 3207).
    Starttls,
    /// It is TLS from the first byte (RFC 8314).
    Tls,
    /// It is plain text.
    None,
}

choices! {
    Environment { "development" => Environment::Development, "production" => Environment::Production }
    RegistrationConflict { "reveal" => RegistrationConflict::Reveal, "hide" => RegistrationConflict::Hide }
    SmtpTls { "starttls" => SmtpTls::Starttls, "tls" => SmtpTls::Tls, "none" => SmtpTls::None }
    LogFormat { "auto" => LogFormat::Auto, "json" => LogFormat::Json, "terminal" => LogFormat::Terminal, "full" => LogFormat::Full }
    slog::Level {
        "trace" => slog::Level::Trace,
        "debug" => slog::Level::Debug,
        "info" => slog::Level::Info,
        "warning" => slog::Level::Warning,
        "error" => slog::Level::Error,
        "critical" => slog::Level::Critical,
    }
}
