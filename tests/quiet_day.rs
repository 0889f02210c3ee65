//! A day of normal traffic, with its night, its busy hours, a rolling restart at noon and a kill in the evening, is replayed
//! against all rules: nobody is told of anything.
//!
//! The series are those of a real instance after some traffic of every kind; what it counted is spread over the day.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends by panicking")]

mod common;

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;

use common::analytics::AnalyticsService;
use common::app::{AppOptions, TestApp, fresh_email, user};
use common::database::Backend;
use common::programs::program;
use common::scrape::{Sample, Scrape, metric};
use common::smtp::{Behaviour, SmtpSink};
use serde_json::json;

/// Seconds between two scrapes and evaluations: a day of every five would take a quarter of an hour.
const STEP: u32 = 30;
const HOUR: u32 = 3600 / STEP;
/// How busy each hour is, from midnight.
const HOURS: [f64; 24] = [
    0.3, 0.2, 0.1, 0.1, 0.1, 0.2, 0.4, 0.8, 1.4, 1.8, 2.0, 2.0, 1.8, 1.7, 1.8, 1.7, 1.6, 1.5, 1.4, 1.3, 1.0, 0.8, 0.6,
    0.4,
];
/// In an hour of 1.0, so many times what the real instance counted: with 30 registrations there, one in ten seconds.
const TIMES: f64 = 12.0;

/// A process, from one hour of the day to another.
struct Life {
    instance: &'static str,
    process: &'static str,
    hours: std::ops::Range<usize>,
    started: i64,
}

const LIVES: [Life; 5] = [
    Life { instance: "a:9000", process: "a1", hours: 0..12, started: -100_000 },
    Life { instance: "a:9000", process: "a2", hours: 12..24, started: 12 * 3600 - 3 },
    Life { instance: "b:9000", process: "b1", hours: 0..12, started: -90_000 },
    Life { instance: "b:9000", process: "b2", hours: 12..19, started: 12 * 3600 - 1 },
    Life { instance: "b:9000", process: "b3", hours: 19..24, started: 19 * 3600 - 2 },
];

/// What a real instance counts after some traffic of every kind.
async fn counted() -> Scrape {
    let (mail, analytics) = (SmtpSink::start(Behaviour::Normal).await, AnalyticsService::start().await);
    let options = AppOptions::on(Backend::Sqlite).set("analytics_base_url", analytics.base_url());
    let app = TestApp::spawn(options.set_all(mail.settings())).await;
    let taken = fresh_email();
    for number in 0..30 {
        assert_eq!(app.register(&fresh_email()).await.status, 201);
        match number % 10 {
            2 => assert!([201, 409].contains(&app.post(&user(&taken)).await.status)),
            5 => assert_eq!(app.post(&json!({"email": "nobody at all"})).await.status, 422),
            8 => assert_eq!(app.get("/nothing").await.status, 404),
            _ => assert_eq!(app.get("/health/").await.status, 200),
        }
    }
    mail.until_received(31).await;
    let delivered = metric("neodyme_outbox_attempts_total").label("outcome", "delivered");
    delivered.at_least(62.0).assert_in(&app).await;
    let settled = metric("neodyme_outbox_jobs").label("state", "pending");
    settled.value(0.0).assert_in(&app).await;
    app.metrics().await
}

/// A sample of the real instance as the processes of an instance have it over the day.
fn series(instance: &str, sample: &Sample, kind: Option<&str>) -> String {
    let lives: Vec<&Life> = LIVES.iter().filter(|life| life.instance == instance).collect();
    if !sample.labels.contains_key("process") {
        let values: Vec<String> = lives.iter().map(|life| life.values(sample, kind)).collect();
        return line(instance, sample, "", &values.join(" "));
    }
    let of_its_own = |life: &&Life| {
        let missing = life.hours.start as u32 * HOUR;
        let before = if missing == 0 { String::new() } else { format!("_x{missing} ") };
        line(instance, sample, life.process, &(before + &life.values(sample, kind)))
    };
    lives.iter().map(of_its_own).collect()
}

fn line(instance: &str, sample: &Sample, process: &str, values: &str) -> String {
    let mut labels = format!(r#"job="neodyme", instance="{instance}""#);
    for (name, value) in &sample.labels {
        let value = if name == "process" { process } else { value };
        let _ = write!(labels, r#", {name}="{}""#, value.replace('\\', r"\\").replace('"', r#"\""#));
    }
    format!("      - {{series: '{}{{{labels}}}', values: '{values}'}}\n", sample.name)
}

impl Life {
    fn values(&self, sample: &Sample, kind: Option<&str>) -> String {
        let values = match (sample.name.as_str(), kind) {
            (_, _) if sample.value == 0.0 => self.steady(0.0),
            ("process_start_time_seconds", _) => self.steady(self.started as f64),
            (name, Some("gauge")) if name.ends_with("_timestamp_seconds") => self.clock(),
            (_, Some("gauge")) => self.steady(sample.value),
            _ => self.growing(sample.value),
        };
        format!("{values} stale")
    }

    fn steady(&self, value: f64) -> String {
        format!("{value}x{}", self.hours.len() as u32 * HOUR - 2)
    }

    fn clock(&self) -> String {
        format!("{}+{STEP}x{}", self.hours.start * 3600, self.hours.len() as u32 * HOUR - 2)
    }

    /// A counter, faster in busy hours.
    fn growing(&self, counted: f64) -> String {
        let mut at = 0.0;
        let mut text = String::new();
        for hour in self.hours.clone() {
            let step = counted * TIMES * HOURS[hour] / f64::from(HOUR);
            let last = hour + 1 == self.hours.end;
            let _ = write!(text, "{at}+{step}x{} ", HOUR - if last { 2 } else { 1 });
            at += step * f64::from(HOUR);
        }
        text
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes: `make drill`"]
async fn nobody_is_told_of_a_normal_day() {
    let scrape = counted().await;
    let kind = |sample: &Sample| scrape.types.get(&sample.name).map(String::as_str);
    let mut all = String::new();
    for instance in ["a:9000", "b:9000"] {
        scrape.samples.iter().for_each(|sample| all += &series(instance, sample, kind(sample)));
        for job in ["neodyme", "neodyme-probe"] {
            let _ = writeln!(
                all,
                r#"      - {{series: 'up{{job="{job}", instance="{instance}"}}', values: '1x{}'}}"#,
                24 * HOUR
            );
        }
    }
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("alert-rules/*.yml");
    let told =
        r#"count by (alertname, severity) (count_over_time(ALERTS{alertstate="firing", alertname!="Watchdog"}[24h]))"#;
    // That it would see something.
    let rules_run = r#"count(ALERTS{alertstate="firing", alertname="Watchdog"})"#;
    let busy = r#"sum(increase(neodyme_registrations_total{outcome="success"}[24h])) > bool 10000"#;
    let test = format!(
        "rule_files: ['{}']\nevaluation_interval: {STEP}s\ntests:\n  - interval: {STEP}s\n    input_series:\n{all}\
         \x20   promql_expr_test:\n      - {{expr: '{told}', eval_time: 24h}}\n\
         \x20     - {{expr: '{busy}', eval_time: 24h, exp_samples: [{{labels: '{{}}', value: 1}}]}}\n\
         \x20     - {{expr: '{rules_run}', eval_time: 24h, exp_samples: [{{labels: '{{}}', value: 1}}]}}\n",
        rules.display(),
    );
    let file = tempfile::Builder::new().suffix(".yml").tempfile().unwrap();
    fs::write(file.path(), test).unwrap();
    let mut promtool = Command::new(program("promtool"));
    // Collecting garbage would be half of its work.
    let output = promtool.args(["test", "rules"]).arg(file.path()).env("GOGC", "800").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&[output.stdout, output.stderr].concat()));
}
