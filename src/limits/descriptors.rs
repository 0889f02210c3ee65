//! File descriptors. A connection of a client takes one, and whoever serves that client needs more: for the database, for
//! mail, for a scrape. Those are kept, whatever clients of the API do.

use std::fmt;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;
use slog::Logger;

use super::too_little::TooLittle;
use crate::breaches::MAX_QUESTIONS;
use crate::config::{Config, DatabaseUrl};
use crate::server::MAX_REFUSALS;
use crate::telemetry::logging::{context, warn};

/// Standard streams, listeners, the async runtime, signals, what is read of `/proc`, and some to spare.
const PROCESS: usize = 48;
/// SQLite opens three files for each connection: one that writes, four that read, one that migrates.
const SQLITE: usize = 18;
/// Connections that operators are sure of.
const OPERATIONS: usize = 64;
/// Fewer connections than this, of both listeners, are no service.
const LEAST: usize = 32;

/// How many files may be open, and for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptors {
    /// The limit of the process; `None` if there is none.
    pub limit: Option<u64>,
    /// Those kept for everything but connections of clients.
    pub reserve: usize,
    /// Connections of the API listener at once.
    pub api: usize,
    /// Connections of the operations listener at once.
    pub ops: usize,
    /// What `http_max_connections` asks for.
    pub wanted: usize,
}

impl Descriptors {
    /// Raises the limit as far as this process may, and divides what there is.
    pub(super) fn secure(config: &Config) -> Result<Self, TooLittle> {
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        let is_raised = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).is_ok();
        Self::divide(if is_raised { maximum } else { current }, reserve(config), config.http.max_connections)
    }

    /// Operations and API get what `http_max_connections` says; where that is too much, operations get their share first.
    fn divide(limit: Option<u64>, reserve: usize, wanted: usize) -> Result<Self, TooLittle> {
        let files = limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
        let (room, least) = (files.saturating_sub(reserve), wanted.saturating_mul(2).min(LEAST));
        if room < least {
            let enough = reserve + least;
            return Err(TooLittle(format!(
                "{files} files may be open at once, and the service needs at least {enough}: {reserve} for the database, \
                 mail, analytics, webhooks and itself, {least} for connections; allow {enough} ({WHERE_TO_ALLOW}), or lower \
                 database_pool_size, welcome_email_concurrency, account_email_concurrency, analytics_event_concurrency or \
                 webhook_concurrency"
            )));
        }
        let api = wanted.min(room - OPERATIONS.min(wanted).min(room / 4));
        Ok(Descriptors { limit, reserve, api, ops: wanted.min(room - api), wanted })
    }

    /// Says so where the API listener takes fewer connections than `http_max_connections`.
    pub fn tell(&self, log: &Logger) {
        if let Some(remedies) = self.remedies() {
            warn!(log, "Fewer connections than http_max_connections"; "context" => context(json!({
                "open_files": self.limit, "kept": self.reserve, "ops": self.ops, "api": self.api,
                "remedy": remedies.join(", or "),
            })));
        }
    }

    /// What to do about that.
    fn remedies(&self) -> Option<[String; 2]> {
        let Self { reserve, api, wanted, .. } = self;
        let enough = reserve + wanted + OPERATIONS.min(*wanted);
        (api < wanted).then(|| {
            [format!("lower http_max_connections to {api}"), format!("allow {enough} files ({WHERE_TO_ALLOW})")]
        })
    }
}

const WHERE_TO_ALLOW: &str = "systemd LimitNOFILE=, docker --ulimit nofile=, ulimit";

/// What is open, or may be at any moment, besides connections of clients.
fn reserve(config: &Config) -> usize {
    let database = match config.database.url {
        DatabaseUrl::Sqlite { .. } => SQLITE,
        // One more that migrates, and one that takes the place of a broken one.
        DatabaseUrl::Postgres(_) => config.database.pool_size + 2,
    };
    // A connection, or a file and its folder; and what looks up an address. A check of each besides.
    let mail = 2 * (config.outbox.welcome_email_concurrency + config.outbox.account_email_concurrency + 1);
    let analytics = match config.analytics.base_url {
        Some(_) => 2 * (config.outbox.analytics_event_concurrency + 1),
        None => 0,
    };
    let webhooks = config.webhook.endpoints().count() * 2 * config.outbox.webhook_concurrency;
    let breaches = if config.new_password.breached_url.is_some() { 2 * MAX_QUESTIONS } else { 0 };
    PROCESS + MAX_REFUSALS + database + mail + analytics + webhooks + breaches
}

/// On lines of at most 80 columns, for `neodyme check`.
impl fmt::Display for Descriptors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { limit, reserve, api, ops, wanted } = self;
        let limit = limit.map_or_else(|| "no limit".to_owned(), |limit| limit.to_string());
        write!(f, "{limit}: {reserve} kept, {ops} for operators, {api} for clients")?;
        match self.remedies() {
            Some([lower, allow]) => write!(f, "\n  fewer than http_max_connections ({wanted}): {lower},\n  or {allow}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Sources;

    fn divide(limit: u64, wanted: usize) -> Result<(usize, usize), String> {
        let divided = Descriptors::divide(Some(limit), 200, wanted);
        divided.map(|files| (files.api, files.ops)).map_err(|refusal| refusal.to_string())
    }

    #[test]
    fn everything_that_is_asked_for_is_given_where_it_fits() {
        assert_eq!(divide(200 + 2048, 1024), Ok((1024, 1024)));
        assert_eq!(divide(200 + 1024 + 64, 1024), Ok((1024, 64)));
        let files = Descriptors::divide(None, 200, 1024).unwrap();
        assert_eq!((files.api, files.ops, files.remedies()), (1024, 1024, None));
    }

    #[test]
    fn the_api_gets_what_is_left_of_less() {
        assert_eq!(divide(1024, 1024), Ok((760, 64)));
        assert_eq!(divide(300, 1024), Ok((75, 25)));
        assert_eq!(divide(232, 1024), Ok((24, 8)));
        assert_eq!(divide(204, 2), Ok((2, 2)));
        let text = Descriptors::divide(Some(1024), 200, 1024).unwrap().to_string();
        assert!(text.starts_with("1024: 200 kept, 64 for operators, 760 for clients\n"), "{text}");
        assert!(
            text.contains("fewer than http_max_connections (1024): lower http_max_connections to 760,\n"),
            "{text}"
        );
        assert!(text.contains("allow 1288 files (systemd LimitNOFILE=,"), "{text}");
        let many = Descriptors::divide(Some(90_000), 20_000, 100_000).unwrap().to_string();
        assert!(format!("open files: {many}").lines().all(|line| line.len() <= 80), "{many}");
        assert_eq!(divide(1288, 1024), Ok((1024, 64)));
        assert_eq!(divide(1024, 760), Ok((760, 64)));
    }

    #[test]
    fn the_least_is_asked_for() {
        let refusal = divide(231, 1024).unwrap_err();
        assert!(refusal.contains("231 files may be open at once, and the service needs at least 232"), "{refusal}");
        assert!(divide(203, 2).is_err());
        assert!(divide(0, 1).is_err());
    }

    #[test]
    fn the_reserve_grows_with_what_is_done_at_once() {
        let mut config = Config::load(&Sources::default()).unwrap();
        let few = reserve(&config);
        config.outbox.welcome_email_concurrency += 50;
        assert_eq!(reserve(&config), few + 100);
        config.analytics.base_url = Some("http://127.0.0.1".parse().unwrap());
        assert_eq!(reserve(&config), few + 118);
        config.database.url = DatabaseUrl::parse("postgres://u@h/d").unwrap();
        config.database.pool_size = 100;
        assert_eq!(reserve(&config), few + 118 + 84);
    }
}
