//! Prometheus gets what it needs: the shipped configuration works, in each format, and the tools have no complaint.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends by panicking")]

mod common;

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::process::{Command, Stdio};

use common::app::{AppOptions, TestApp, fresh_email};
use common::database::Backend;
use common::http::Answer;
use common::programs::program;
use common::prometheus::Prometheus;
use common::scrape::{Scrape, metric};

const PROTOBUF: &str = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";

async fn scrape(app: &TestApp, accept: &str, encoding: &str) -> Answer {
    let request = app.client.get(format!("{}/metrics", app.ops_url()));
    Answer::to(request.header("accept", accept).header("accept-encoding", encoding)).await.unwrap()
}

async fn prometheus_scrapes_the_shipped_configuration(backend: Backend) {
    let app = TestApp::spawn(AppOptions::on(backend)).await;
    let prometheus = Prometheus::scraping(&app, &[]).await;
    prometheus.wait_for(r#"up{job="neodyme"}"#, 1.0).await;
    prometheus.wait_for(r#"sum(neodyme_registrations_total)"#, 0.0).await;

    for _ in 0..3 {
        assert_eq!(app.register(&fresh_email()).await.status, 201);
    }
    assert_eq!(app.register("nobody").await.status, 422);
    prometheus.wait_for(r#"neodyme_registrations_total{outcome="success"}"#, 3.0).await;
    prometheus.wait_for(r#"neodyme_registrations_total{outcome="invalid"}"#, 1.0).await;
    prometheus
        .wait_for("neodyme_registration_attempts_total - sum(neodyme_registrations_total) by (job, instance)", 0.0)
        .await;
    prometheus
        .wait_for(
            r#"histogram_quantile(0.5, neodyme_registration_duration_seconds_bucket{outcome="success"}) > bool 0"#,
            1.0,
        )
        .await;
    // Counters are there before their first event, so that the first one is an increase.
    prometheus.wait_for(r#"increase(neodyme_errors_total{error_type="VALIDATION_FAILED"}[1m]) > bool 0"#, 1.0).await;
    prometheus.wait_for("count(neodyme_build_info)", 1.0).await;
}

on_both_databases!(prometheus_scrapes_the_shipped_configuration);

#[tokio::test]
async fn the_shipped_rules_see_the_service_go_down() {
    let mut app = TestApp::spawn(AppOptions::on(Backend::Sqlite)).await;
    let prometheus = Prometheus::scraping(&app, &[]).await;
    prometheus.wait_for(r#"up{job="neodyme"}"#, 1.0).await;
    // Before its first scrape Prometheus may have missed it.
    prometheus.wait_for(r#"count(ALERTS{alertname="NeodymeDown"}) or vector(0)"#, 0.0).await;
    app.kill();
    prometheus.wait_for(r#"count(ALERTS{alertname="NeodymeDown", alertstate="pending"})"#, 1.0).await;

    // Groups with an interval of their own are not all evaluated yet; none may have failed.
    let groups = prometheus.get("rules", &[]).await["groups"].clone();
    let rules = groups.as_array().unwrap().iter().flat_map(|group| group["rules"].as_array().unwrap().clone());
    let (evaluated, waiting): (Vec<_>, Vec<_>) = rules.partition(|rule| rule["health"] != "unknown");
    assert!(evaluated.len() > waiting.len(), "{waiting:#?}");
    assert!(evaluated.iter().all(|rule| rule["health"] == "ok"), "{evaluated:#?}");
}

#[tokio::test]
async fn a_token_that_prometheus_lacks_blinds_it_and_is_no_outage() {
    let mut app = TestApp::spawn(AppOptions::on(Backend::Sqlite).set("ops_token", "a-token-of-the-service")).await;
    let prometheus = Prometheus::scraping(&app, &[]).await;
    prometheus.wait_for(r#"up{job="neodyme"}"#, 0.0).await;
    prometheus.wait_for(r#"up{job="neodyme-probe"}"#, 1.0).await;
    prometheus.wait_for(r#"count(ALERTS{alertname="NeodymeMonitoringBlind"}) > bool 0"#, 1.0).await;
    prometheus.wait_for(r#"count(ALERTS{alertname="NeodymeDown"}) or vector(0)"#, 0.0).await;
    app.kill();
    prometheus.wait_for(r#"count(ALERTS{alertname="NeodymeDown"})"#, 1.0).await;
    prometheus.wait_for(r#"count(ALERTS{alertname="NeodymeMonitoringBlind"}) or vector(0)"#, 0.0).await;
}

#[tokio::test]
async fn prometheus_understands_protobuf() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite)).await;
    // With this feature it prefers protobuf.
    let prometheus = Prometheus::scraping(&app, &["--enable-feature=native-histograms"]).await;
    assert_eq!(app.register(&fresh_email()).await.status, 201);
    prometheus.wait_for(r#"neodyme_registrations_total{outcome="success"}"#, 1.0).await;
    prometheus.wait_for(r#"neodyme_registration_duration_seconds_count{outcome="success"}"#, 1.0).await;
    metric("neodyme_metrics_scrapes_total").label("format", "protobuf").at_least(1.0).assert_in(&app).await;
}

#[tokio::test]
async fn promtool_has_nothing_to_say() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite)).await;
    assert_eq!(app.register(&fresh_email()).await.status, 201);
    let mut promtool = Command::new(program("promtool"))
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    promtool.stdin.take().unwrap().write_all(app.metrics_text().await.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(output.status.success() && said.is_empty(), "{said}");
}

#[tokio::test]
async fn the_format_and_the_encoding_are_negotiated() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite)).await;
    let text = scrape(&app, "text/plain", "identity").await;
    assert_eq!(text.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    assert!(text.headers.get("content-encoding").is_none());

    let gzip = scrape(&app, "text/plain", "gzip").await;
    assert_eq!(gzip.header("content-encoding"), "gzip");
    assert!(gzip.body.len() * 4 < text.body.len(), "{} of {} bytes", gzip.body.len(), text.body.len());
    assert_eq!(Scrape::parse(&unzip(&gzip.body)).series(), Scrape::parse(text.text()).series());

    let protobuf = scrape(&app, PROTOBUF, "identity").await;
    assert!(protobuf.header("content-type").starts_with("application/vnd.google.protobuf"));
    let families: BTreeSet<String> = Scrape::parse(text.text()).types.into_keys().collect();
    assert_eq!(protobuf_families(&protobuf.body), families);

    let scrapes = |format: &str, encoding: &str| {
        metric("neodyme_metrics_scrapes_total").label("format", format).label("encoding", encoding)
    };
    scrapes("text", "gzip").value(1.0).assert_in(&app).await;
    scrapes("protobuf", "identity").value(1.0).assert_in(&app).await;
    scrapes("protobuf", "gzip").value(0.0).assert_in(&app).await;
}

fn unzip(bytes: &[u8]) -> String {
    let mut text = String::new();
    flate2::read::GzDecoder::new(bytes).read_to_string(&mut text).unwrap();
    text
}

/// The names in a length-delimited stream of `MetricFamily`, whose first field is its name.
fn protobuf_families(mut bytes: &[u8]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    while !bytes.is_empty() {
        let length = varint(&mut bytes);
        let (mut family, rest) = bytes.split_at(length);
        bytes = rest;
        assert_eq!(varint(&mut family), 1 << 3 | 2, "field 1, length-delimited");
        let length = varint(&mut family);
        assert!(names.insert(String::from_utf8(family[..length].to_vec()).unwrap()));
    }
    names
}

fn varint(bytes: &mut &[u8]) -> usize {
    let mut value = 0;
    for shift in (0..).step_by(7) {
        let (first, rest) = bytes.split_first().unwrap();
        *bytes = rest;
        value |= usize::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            break;
        }
    }
    value
}
