//! What the tests stand on: the real binary ([`app`]), its databases ([`database`], [`postgres`], [`pgbouncer`]), the services
//! at the far end ([`analytics`], [`smtp`], with their [`connections`]), a Prometheus ([`prometheus`]) and an Alertmanager ([`alertmanager`]), clients
//! ([`http`], [`raw`], [`load`]), [`users`] who sign in, a [`browser`], a [`clock`] and a matcher for scrapes ([`scrape`]). Database [`rows`]. The shipped [`rules`], the
//! [`selectors`] of a query, and the [`world`] that they select from.

#![allow(dead_code, reason = "every test file is a crate of its own and uses a part of this")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test ends by panicking, and says why on stderr"
)]

pub mod alertmanager;
pub mod analytics;
pub mod app;
pub mod browser;
pub mod clock;
pub mod connections;
pub mod daemon;
pub mod database;
pub mod http;
pub mod load;
pub mod options;
pub mod packages;
pub mod pgbouncer;
pub mod postgres;
pub mod process;
pub mod programs;
pub mod prometheus;
pub mod proxy;
pub mod raw;
pub mod rows;
pub mod rules;
pub mod scrape;
pub mod selectors;
pub mod smtp;
pub mod users;
pub mod world;

use std::time::{Duration, Instant};

/// How long a test waits for what must happen. Long: only a failing test waits to the end.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until `look` finds something; fails with `what` when it does not in time.
pub async fn eventually<T>(what: &str, look: impl AsyncFnMut() -> Option<T>) -> T {
    eventually_within(PATIENCE, what, look).await
}

/// The same with another patience, for what takes long by itself.
pub async fn eventually_within<T>(patience: Duration, what: &str, look: impl AsyncFnMut() -> Option<T>) -> T {
    let found = within(patience, Duration::from_millis(10), look).await;
    found.unwrap_or_else(|| panic!("waited {patience:?} in vain: {what}"))
}

/// What `look` finds in time, with a pause before each other look.
pub async fn within<T>(patience: Duration, pause: Duration, mut look: impl AsyncFnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + patience;
    loop {
        let found = look().await;
        if found.is_some() || Instant::now() >= deadline {
            return found;
        }
        tokio::time::sleep(pause).await;
    }
}

/// A multi-threaded test for each scenario and database: `on_both_databases!(a_user_is_registered, …)`.
#[macro_export]
macro_rules! on_both_databases {
    ($($scenario:ident),+ $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $scenario() {
                super::$scenario($crate::common::database::Backend::Sqlite).await;
            })+
        }
        mod on_postgresql {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $scenario() {
                super::$scenario($crate::common::database::Backend::Postgres).await;
            })+
        }
    };
}

/// The shipped dashboards.
pub fn dashboards() -> Vec<serde_json::Value> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("grafana/dashboards");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.map(|file| serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()).collect()
}
