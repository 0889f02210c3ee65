//! What `/health/…` answers while all is well, while the service is busy, and while it leaves.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends by panicking")]

#[path = "health/command.rs"]
mod command;
mod common;

use std::time::{Duration, Instant};

use common::app::{AppOptions, TestApp, fresh_email, user};
use common::database::{Backend, Database};
use common::eventually;
use common::http::{self, Answer};
use common::postgres::{Cluster, StopMode};
use common::scrape::{Scrape, metric};
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::task::JoinSet;

const ON_BOTH: [&str; 3] = ["/health/", "/health/live", "/health/ready"];
const FOR_OPERATORS: [&str; 2] = ["/health/detailed", "/health/metrics"];

fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<_> = value.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

fn is_recent(time: &Value) -> bool {
    let time = OffsetDateTime::parse(time.as_str().unwrap_or_else(|| panic!("no time: {time}")), &Rfc3339).unwrap();
    (OffsetDateTime::now_utc() - time).abs() < Duration::from_secs(60)
}

async fn a_service_that_is_well_says_so(backend: Backend) {
    let app = TestApp::spawn(AppOptions::on(backend).set("health_slow_after", "1s")).await;
    for path in ON_BOTH {
        for answer in [app.get(path).await, app.get_ops(path).await, app.get(&format!("{path}?fresh=true")).await] {
            assert_eq!(answer.status, 200, "{path}: {}", answer.text());
            assert_eq!(answer.header("cache-control"), "no-store");
            assert!(is_recent(&answer.json()["timestamp"]));
        }
    }
    assert_eq!(keys(&app.get("/health/").await.json()), ["status", "timestamp", "version"]);
    assert_eq!(app.get("/health/").await.json()["status"], "healthy");
    let live = app.get("/health/live").await.json();
    assert_eq!(live["status"], "live");
    assert!(live["event_loop_delay_ms"].is_f64() && live["last_beat_ms"].is_f64(), "{live}");
    let prometheus = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
    for url in [app.api_url(), app.ops_url()] {
        let request = app.client.get(format!("{url}/health/live")).header("accept", prometheus);
        let sample = Answer::to(request).await.unwrap();
        assert_eq!((sample.status, sample.header("vary")), (200, "Accept"));
        assert_eq!(Scrape::parse(sample.text()).samples[0].name, "neodyme_live");
    }
    let ready = app.get("/health/ready").await.json();
    assert_eq!((&ready["status"], &ready["reasons"]), (&"ready".into(), &serde_json::json!([])));
    metric("neodyme_ready").value(1.0).assert_in(&app).await;
}

async fn everything_is_on_one_page(backend: Backend) {
    let app = TestApp::spawn(AppOptions::on(backend).set("health_slow_after", "1s")).await;
    assert_eq!(app.register("ada@example.com").await.status, 201);
    assert_eq!(app.register("ada@example.com").await.status, 409);
    // The load of the CPU is the difference of two samples.
    let body = eventually("there are two samples", async || {
        let body = app.get_ops("/health/detailed").await.json();
        body["system"]["cpu_percent"].is_number().then_some(body)
    })
    .await;
    let wanted =
        ["checks", "metrics", "signing_key", "status", "system", "timestamp", "uptime", "uptime_seconds", "version"];
    assert_eq!(keys(&body), wanted);
    assert_eq!(keys(&body["signing_key"]), ["keys", "kid", "next_usable", "usable"]);
    assert_eq!(body["status"], "healthy", "{body}");
    assert_eq!(keys(&body["checks"]), ["analytics_service", "database", "email_service"]);
    for (check, status) in
        [("database", "connected"), ("email_service", "connected"), ("analytics_service", "disabled")]
    {
        let check = &body["checks"][check];
        assert_eq!(keys(check), ["cause", "checked_at", "error", "healthy", "response_time_ms", "since", "status"]);
        assert_eq!((&check["status"], &check["healthy"]), (&status.into(), &true.into()), "{check}");
        assert!(is_recent(&check["since"]), "{check}");
        assert_eq!(check["checked_at"].is_string(), status == "connected", "{check}");
    }
    assert!(body["uptime_seconds"].as_u64().is_some() && body["uptime"].as_str().unwrap().ends_with('s'), "{body}");
    assert_eq!(body["metrics"]["registrations"]["success"], 1, "{body}");
    assert_eq!(body["metrics"]["registrations"]["duplicate"], 1, "{body}");
    assert_eq!(body["metrics"]["errors"]["expected"], 1, "{body}");
    assert!(body["metrics"]["requests"]["answered"].as_u64().unwrap() >= 2, "{body}");
    assert!(body["metrics"]["outbox_pending"]["welcome_email"].is_u64(), "{body}");
    for percent in ["cpu_percent", "memory_percent", "disk_percent"] {
        assert!((0.0..=100.0).contains(&body["system"][percent].as_f64().unwrap()), "{body}");
    }
    assert_eq!(body["system"]["load_average"].as_array().unwrap().len(), 3, "{body}");
    for count in ["open_fds", "threads", "resident_memory_bytes", "memory_limit_bytes", "disk_free_bytes"] {
        assert!(body["system"][count].as_u64().unwrap() > 0, "{count} of {body}");
    }
}

async fn the_registry_is_json_for_those_without_prometheus(backend: Backend) {
    let app = TestApp::spawn(AppOptions::on(backend)).await;
    for _ in 0..20 {
        assert_eq!(app.register(&fresh_email()).await.status, 201);
    }
    let body = app.get_ops("/health/metrics").await.json();
    assert!(body["note"].as_str().unwrap().contains("estimates"), "{}", body["note"]);
    let one = |kind: &str, name: &str, label: &str, value: &str| {
        let series = body[kind][name].as_array().unwrap_or_else(|| panic!("no {name}"));
        series.iter().find(|series| series["labels"][label] == value).unwrap().clone()
    };
    assert_eq!(one("counters", "neodyme_registrations_total", "outcome", "success")["value"], 20);
    assert_eq!(one("gauges", "neodyme_dependency_up", "dependency", "database")["value"], 1);
    let took = one("histograms", "neodyme_registration_duration_seconds", "outcome", "success");
    assert_eq!(took["count"], 20, "{took}");
    let [avg, p50, p95, p99] = ["avg", "p50", "p95", "p99"].map(|key| took[key].as_f64().unwrap());
    assert!(avg > 0.0 && 0.0 < p50 && p50 <= p95 && p95 <= p99, "{took}");
    assert!((took["sum"].as_f64().unwrap() / 20.0 - avg).abs() < 1e-9, "{took}");
    let none = one("histograms", "neodyme_registration_duration_seconds", "outcome", "error");
    assert_eq!((&none["count"], &none["avg"], &none["p99"]), (&0.into(), &Value::Null, &Value::Null));
    // The same metrics as in the exposition, all of them.
    let exposed = app.metrics().await.types.len();
    let shown: usize = ["counters", "gauges", "histograms"].iter().map(|kind| keys(&body[*kind]).len()).sum();
    assert_eq!(shown, exposed);
}

on_both_databases!(
    a_service_that_is_well_says_so,
    everything_is_on_one_page,
    the_registry_is_json_for_those_without_prometheus,
);

#[tokio::test]
async fn each_listener_serves_its_own_paths_and_methods() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite)).await;
    let ask = async |base: String, method: &str, path: &str| {
        Answer::to(app.client.request(method.parse().unwrap(), format!("{base}{path}"))).await.unwrap()
    };
    for path in FOR_OPERATORS {
        app.get(path).await.assert_problem(404, "NOT_FOUND");
    }
    for path in ["/health/nothing", "/health//", "/healthy", "/health/live/now"] {
        app.get(path).await.assert_problem(404, "NOT_FOUND");
        app.get_ops(path).await.assert_problem(404, "NOT_FOUND");
    }
    for path in ON_BOTH.iter().chain(&FOR_OPERATORS) {
        assert_eq!(ask(app.ops_url(), "GET", &format!("{}/", path.trim_end_matches('/'))).await.status, 200, "{path}/");
        let head = ask(app.ops_url(), "HEAD", path).await;
        assert_eq!((head.status, head.body.len()), (200, 0), "{path}");
        for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
            let answer = ask(app.ops_url(), method, path).await;
            answer.assert_problem(405, "METHOD_NOT_ALLOWED");
            assert_eq!(answer.header("allow"), "GET, HEAD", "{method} {path}");
        }
    }
    for path in ON_BOTH {
        ask(app.api_url(), "POST", path).await.assert_problem(405, "METHOD_NOT_ALLOWED");
    }
}

#[tokio::test]
async fn a_service_that_leaves_is_live_and_not_ready() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite).set("shutdown_delay", "60s")).await;
    app.terminate();
    let answer = eventually("it leaves", async || {
        let answer = app.get("/health/ready").await;
        (answer.status == 503).then_some(answer)
    })
    .await;
    let body = answer.json();
    assert_eq!((&body["status"], &body["reasons"]), (&"not_ready".into(), &serde_json::json!(["shutting_down"])));
    let balancer = app.get("/health/").await;
    assert_eq!((balancer.status, &balancer.json()["status"]), (503, &"shutting_down".into()));
    assert_eq!(app.get("/health/live").await.status, 200);
    assert_eq!(app.get_ops("/health/detailed").await.status, 200, "what it depends on is well");
    metric("neodyme_ready").value(0.0).assert_in(&app).await;
}

#[tokio::test]
async fn a_full_queue_of_passwords_is_not_ready_and_empties() {
    let options = AppOptions::on(Backend::Sqlite).slow_hashing().set("password_hash_max_wait", "200ms");
    let app = TestApp::spawn(options).await;
    assert_eq!(app.get("/health/ready").await.status, 200);
    let mut registrations = JoinSet::new();
    for _ in 0..12 {
        let request = http::client().post(format!("{}/users/", app.api_url())).json(&user(&fresh_email()));
        registrations.spawn(Answer::to(request));
    }
    let answer = eventually("the queue is full", async || {
        let answer = app.get("/health/ready").await;
        (answer.status == 503).then_some(answer)
    })
    .await;
    assert_eq!(answer.json()["reasons"], serde_json::json!(["hash_queue_saturated"]));
    assert_eq!(app.get("/health/").await.status, 200, "a busy service is not taken out of the balancer");
    registrations.join_all().await;
    eventually("the queue empties", async || (app.get("/health/ready").await.status == 200).then_some(())).await;
}

#[tokio::test]
async fn the_first_scrape_has_every_series() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite)).await;
    let scrape = app.metrics().await;
    for dependency in ["database", "email", "analytics"] {
        let of = |name: &str| metric(&format!("neodyme_dependency_{name}")).label("dependency", dependency);
        assert_eq!(of("up").sum_in(&scrape), Some(1.0), "{dependency}");
        for status in ["connected", "slow", "error", "disabled"] {
            assert!(of("status").label("status", status).sum_in(&scrape).is_some(), "{dependency} {status}");
        }
        for name in ["check_duration_seconds", "last_check_timestamp_seconds", "last_success_timestamp_seconds"] {
            assert!(of(name).sum_in(&scrape).is_some(), "{dependency} {name}");
        }
    }
    assert_eq!(metric("neodyme_health_status").label("status", "healthy").sum_in(&scrape), Some(1.0));
    let disabled = metric("neodyme_dependency_status").label("dependency", "analytics").label("status", "disabled");
    assert_eq!(disabled.sum_in(&scrape), Some(1.0), "what is not used pages nobody");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_is_answered_at_once_while_the_database_dies() {
    // A machine that is busy with something else may keep the service waiting once; a service that waits for its database
    // would be late each time.
    let mut late = 0;
    for _ in 0..3 {
        late = late_answers_while_the_database_dies().await;
        if late == 0 {
            return;
        }
    }
    panic!("{late} answers took more than 50 ms, and some did each time");
}

/// Asks for health 200 times a second while the database is killed. Says how many answers took more than 50 ms.
async fn late_answers_while_the_database_dies() -> u32 {
    let cluster = Cluster::start();
    let options = AppOptions::on_database(Database::Postgres(cluster.create_database()));
    let app = TestApp::spawn(options).await;
    eventually("it is well", async || (app.get("/health/").await.status == 200).then_some(())).await;
    let paths = ["/health/", "/health/ready", "/health/live", "/health/detailed"];
    let urls: Vec<_> = paths.iter().map(|path| format!("{}{path}", app.ops_url())).collect();
    let asking = urls.into_iter().map(|url| {
        tokio::spawn(async move {
            let (client, mut statuses) = (http::client(), Vec::new());
            // Four times fifty requests a second, for four seconds.
            let mut ticks = tokio::time::interval(Duration::from_millis(20));
            for _ in 0..200 {
                ticks.tick().await;
                statuses.push(Answer::to(client.get(&url)).await.unwrap().status);
            }
            statuses
        })
    });
    let asking: Vec<_> = asking.collect();
    metric("neodyme_http_requests_total").label("route", "/health/live").at_least(20.0).assert_in(&app).await;
    let killed = Instant::now();
    cluster.stop(StopMode::Immediate);
    eventually("the outage is seen", async || (app.get("/health/").await.status == 503).then_some(())).await;
    assert!(killed.elapsed() < Duration::from_secs(10), "seen after {:?}", killed.elapsed());

    let mut late = 0;
    for (asked, path) in asking.into_iter().zip(paths) {
        let statuses = asked.await.unwrap();
        assert_eq!(statuses.len(), 200);
        let fails = path != "/health/live";
        assert_eq!(statuses.contains(&503), fails, "{path}: {statuses:?}");
        let scrape = app.metrics().await;
        let of = |name: &str| metric(name).label("route", path);
        let count = of("neodyme_http_request_duration_seconds_count").sum_in(&scrape);
        let in_time = of("neodyme_http_request_duration_seconds_bucket").label("le", "0.05").sum_in(&scrape);
        late += (count.unwrap() - in_time.unwrap()) as u32;
    }
    late
}
