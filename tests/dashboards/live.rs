//! Every query of every panel, executed by the real Prometheus on the real service, before anything is seen of it, in a healthy
//! and in a faulty hour.

use std::ops::Range;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use super::colors::color;
use super::links::log_filters;
use super::model::{Dashboard, Query, dashboards, interpolate, panels, text};
use super::trouble::Trouble;
use crate::common::database::Backend;
use crate::common::eventually_within;
use crate::common::prometheus::Prometheus;

/// Seconds between two scrapes.
const PACE: &str = "2";
/// What Grafana makes of them at this pace: more than four scrapes, and the time shown.
const RATE_INTERVAL: &str = "12s";
const RANGE: &str = "60s";
/// Subqueries and rates need several scrapes, which a busy machine may miss.
const PATIENCE: Duration = Duration::from_secs(60);
/// More lines than this nobody reads.
const MOST_SERIES: usize = 5;

/// Of when an answer is.
#[derive(Clone, Copy)]
enum When {
    Now,
    Ever,
}

/// A Prometheus and the time from which on it knows something.
struct Look {
    prometheus: Prometheus,
    from: u64,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_query_of_every_panel_shows_something_on_postgres() {
    every_query_of_every_panel_shows_something(Backend::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_query_of_every_panel_shows_something_on_sqlite() {
    every_query_of_every_panel_shows_something(Backend::Sqlite).await;
}

async fn every_query_of_every_panel_shows_something(backend: Backend) {
    let trouble = Trouble::brewing(backend).await;
    // Graphs begin before anything was seen.
    let from = now();
    let prometheus = Prometheus::scraping_every(&format!("{PACE}s"), &trouble.app, &history(from), &[]).await;
    let look = Look { prometheus, from };
    for outcome in ["success", "duplicate", "invalid"] {
        look.wait_until(&format!(r#"neodyme_registrations_total{{outcome="{outcome}"}} > 3"#)).await;
    }
    look.wait_until(r#"neodyme_outbox_attempts_total{outcome="delivered"} > 0"#).await;
    for outcome in ["success", "wrong", "delayed"] {
        look.wait_until(&format!(r#"neodyme_sign_ins_total{{outcome="{outcome}"}} > 3"#)).await;
    }

    // Healthy: a panel that shows nothing says so.
    for panel in panels().iter().filter(|panel| panel.when_empty().is_none()) {
        look.assert_shows(&panel.queries(), When::Now).await;
    }

    // Faulty: then there is something to show everywhere.
    trouble.steal_token().await;
    trouble.begin();
    for error in ["EMAIL_SERVICE_ERROR", "ANALYTICS_SERVICE_ERROR"] {
        look.wait_until(&format!(r#"neodyme_errors_total{{error_type="{error}"}} > 1"#)).await;
    }
    trouble.worsen();
    look.wait_until(r#"neodyme_errors_total{error_type="DATABASE_ERROR"} > 1"#).await;
    look.wait_until(r#"neodyme_sign_ins_total{outcome="database"} > 0"#).await;
    trouble.ease();
    trouble.app.database.execute("UPDATE signing_keys SET is_sealed = true").await;
    look.wait_until("neodyme_signing_key_usable == 0").await;
    // A server and mail in files leave nothing on a disk. A second fault within the incident of a first takes minutes: the
    // drill makes one.
    let is_kept = |query: &Query| {
        let is_here = backend == Backend::Sqlite || !query.expression.contains("neodyme_disk_");
        is_here && !query.expression.contains("another_fault")
    };
    for query in dashboards().iter().flat_map(Dashboard::queries).filter(is_kept) {
        look.assert_shows(&[query], When::Ever).await;
    }
    look.assert_nothing_is_green().await;
    look.assert_few_series().await;
    look.assert_variables_have_values().await;
    // Of a locked file health checks say nothing.
    if backend == Backend::Postgres {
        assert_log_links_find_something(&trouble).await;
    }
}

/// What is compared with the past has one: as much came two hours ago, as many passwords were wrong and codes asked for, and nothing
/// was invalid; and a day ago, half of the addresses were verified.
fn history(now: u64) -> String {
    let recorded = [
        (r#"job_of:neodyme_traffic:rate10m{job="neodyme",of="attempts"}"#, 1.0),
        (r#"job_of:neodyme_traffic:rate10m{job="neodyme",of="wrong_passwords"}"#, 1.0),
        (r#"job:neodyme_email_codes_asked:rate10m{job="neodyme"}"#, 1.0),
        (r#"job:neodyme_invalid_registrations:ratio10m{job="neodyme"}"#, 0.0),
        (r#"job:neodyme_targets:count{job="neodyme"}"#, 1.0),
    ];
    let minutes = |series: &str, value: f64, minutes: Range<u64>| {
        minutes.rev().map(|minute| format!("{series} {value} {}\n", now - 60 * minute)).collect::<String>()
    };
    let verified = r#"job:neodyme_email_codes_verified:ratio6h{job="neodyme"}"#;
    let hours_ago = recorded.into_iter().map(|(series, value)| minutes(series, value, 20..140));
    hours_ago.chain([minutes(verified, 0.5, 1430..1450)]).collect()
}

impl Look {
    /// The series that Grafana would draw, those of NaN alone left out: those of now, or since the begin.
    async fn ask(&self, query: &str, when: When) -> Vec<Value> {
        let expression = interpolate(query, RATE_INTERVAL, RANGE);
        let (from, now) = (self.from.to_string(), now().to_string());
        let data = match when {
            When::Now => self.prometheus.get("query", &[("query", &expression)]).await,
            When::Ever => {
                let range = [("query", expression.as_str()), ("start", &from), ("end", &now), ("step", PACE)];
                self.prometheus.get("query_range", &range).await
            }
        };
        let is_number = |point: &Value| point[1] != "NaN";
        let shows = |series: &Value| match series.get("values") {
            Some(values) => values.as_array().unwrap().iter().any(is_number),
            None => is_number(&series["value"]),
        };
        data["result"].as_array().unwrap().iter().filter(|series| shows(series)).cloned().collect()
    }

    /// One of them is enough.
    async fn assert_shows(&self, queries: &[Query], when: When) {
        let asked: Vec<&str> = queries.iter().map(|query| query.expression.as_str()).collect();
        let what = format!("{} shows something: {asked:?}", queries[0].place);
        eventually_within(PATIENCE, &what, async || {
            for query in &asked {
                if !self.ask(query, when).await.is_empty() {
                    return Some(());
                }
            }
            None
        })
        .await;
    }

    /// Waits until an expression holds, as Prometheus sees it.
    async fn wait_until(&self, expression: &str) {
        let (place, expression) = ("the test".to_owned(), expression.to_owned());
        self.assert_shows(&[Query { place, letter: "A".to_owned(), expression }], When::Now).await;
    }

    /// While a page is open, no single value of the overview is green.
    async fn assert_nothing_is_green(&self) {
        self.wait_until(r#"ALERTS{alertstate="firing", severity="critical"}"#).await;
        let mut values = 0;
        for panel in panels().iter().filter(|panel| panel.kind == "stat" && panel.place.starts_with("neodyme-overview"))
        {
            for query in panel.queries() {
                for series in self.ask(&query.expression, When::Now).await {
                    let value = text(&series["value"][1]).parse().unwrap();
                    assert!(!color(panel, &query, value).contains("green"), "{}: {value} is green", query.place);
                    values += 1;
                }
            }
        }
        assert!(values > 9, "only {values} values are shown");
    }

    /// A graph has at most five lines at any one time.
    async fn assert_few_series(&self) {
        for panel in panels().iter().filter(|panel| panel.kind == "timeseries") {
            let mut lines = 0;
            for query in panel.queries() {
                lines += self.ask(&query.expression, When::Now).await.len();
            }
            assert!(lines <= MOST_SERIES, "{}: {lines} lines", panel.place);
        }
    }

    async fn assert_variables_have_values(&self) {
        for dashboard in dashboards() {
            for name in ["job", "instance"] {
                let query = text(&dashboard.variable(name)["query"]).to_owned();
                let selector = query.strip_prefix("label_values(").unwrap().rsplit_once(", ").unwrap().0;
                let selector = interpolate(selector, RATE_INTERVAL, RANGE);
                let values = self.prometheus.get(&format!("label/{name}/values"), &[("match[]", &selector)]).await;
                assert_eq!(values.as_array().unwrap().len(), 1, "{}: {name}: {values}", dashboard.uid);
            }
            let query = text(&dashboard.variable("since")["query"]).to_owned();
            let query = query.strip_prefix("query_result(").unwrap().strip_suffix(")").unwrap();
            let since = self.prometheus.query(&interpolate(query, RATE_INTERVAL, RANGE)).await;
            assert!(since.is_some_and(|seconds| seconds > 0.0), "{}: since: {since:?}", dashboard.uid);
        }
    }
}

/// What links to the log filter by is what lines hold. A shipper's `json` joins the keys of nested objects with `_`.
async fn assert_log_links_find_something(trouble: &Trouble) {
    let lines: Vec<Value> = trouble.app.logs();
    for (key, operator, value) in log_filters() {
        // Of whatever the type is; none of these happened.
        if value.contains("${") || ["SERVICE_OVERLOADED", "Panic"].contains(&value.as_str()) {
            continue;
        }
        let fits = |line: &Value| match (flat(line, &key), operator.as_str()) {
            (Some(Value::Number(found)), ">" | ">=") => found.as_f64().unwrap() >= value.parse().unwrap(),
            (Some(Value::String(found)), "=" | "=~") => value.split('|').any(|one| one == found),
            (Some(Value::Bool(found)), "=") => found.to_string() == value,
            _ => false,
        };
        assert!(lines.iter().any(fits), "no line of the log has {key}{operator}{value}");
    }
}

fn flat<'a>(line: &'a Value, key: &str) -> Option<&'a Value> {
    line.get(key).or_else(|| {
        let (outer, inner) = key.split_once('_')?;
        line.get(outer)?.get(inner)
    })
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}
