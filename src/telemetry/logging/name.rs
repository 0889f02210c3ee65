//! The names of loggers and of levels.

use slog::Level;

/// Declares the loggers: variant, name, what it tells.
macro_rules! logger_names {
    ($($variant:ident => $name:literal, $doc:literal;)*) => {
        /// The loggers of the service, each with a level of its own.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum LoggerName {
            $(#[doc = $doc] $variant,)*
        }

        impl LoggerName {
            /// Every logger, in the order of declaration.
            pub const ALL: &[LoggerName] = &[$(LoggerName::$variant),*];

            /// The name in the `logger` field of a line.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(LoggerName::$variant => $name,)*
                }
            }
        }
    };
}

logger_names! {
    App => "neodyme.app", "Start, stop, and what concerns the process as a whole.";
    Requests => "neodyme.requests", "HTTP requests: started, completed, failed.";
    UserService => "neodyme.user_service", "Registrations, step by step; sign-ins and sessions.";
    UserActions => "neodyme.user_actions", "What users do, for those who follow their paths.";
    ExternalServices => "neodyme.external_services", "Calls to services outside: mail, analytics, breached passwords.";
    Health => "neodyme.health", "Health checks, and changes of health.";
    Outbox => "neodyme.outbox", "Jobs taken from the outbox, delivered or put off.";
    Db => "neodyme.db", "Connections, migrations, failures of the database.";
    Dependencies => "neodyme.dependencies", "Records of the libraries used; their `target` is in the context.";
}

impl LoggerName {
    /// The logger of that name.
    pub fn parse(name: &str) -> Option<LoggerName> {
        LoggerName::ALL.iter().copied().find(|logger| logger.as_str() == name)
    }

    /// Where the logger stands in a table of all.
    pub(super) const fn index(self) -> usize {
        self as usize
    }
}

/// Levels, from the most to the least severe.
const LEVELS: [Level; 6] = [Level::Critical, Level::Error, Level::Warning, Level::Info, Level::Debug, Level::Trace];

/// The word for a level in lines, labels and settings.
pub const fn level_name(level: Level) -> &'static str {
    match level {
        Level::Critical => "critical",
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Info => "info",
        Level::Debug => "debug",
        Level::Trace => "trace",
    }
}

/// The level of that word, as [`level_name`] gives it.
pub fn parse_level(word: &str) -> Option<Level> {
    LEVELS.into_iter().find(|level| level_name(*level) == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_logger_is_found_by_its_name() {
        for (index, name) in LoggerName::ALL.iter().enumerate() {
            assert_eq!(LoggerName::parse(name.as_str()), Some(*name));
            assert_eq!(name.index(), index);
        }
        assert_eq!(LoggerName::parse("neodyme"), None);
    }

    #[test]
    fn every_level_is_found_by_its_word() {
        for level in LEVELS {
            assert_eq!(parse_level(level_name(level)), Some(level));
        }
        assert_eq!(parse_level("warn"), None);
    }
}
