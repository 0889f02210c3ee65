//! What rules and runbooks name is really exported, and alerts see the errors that they are for.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends by panicking")]

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use common::app::{AppOptions, TestApp};
use common::database::Backend;
use common::prometheus::assert_promql;
use common::rules::{Rule, rules};
use common::scrape::Sample;
use common::selectors::{selectors, sources};
use common::world::{World, is_of_prometheus};
use neodyme::error::{ErrorCode, ErrorKind};
use promql_parser::label::{MatchOp, Matcher};
use promql_parser::parser::VectorSelector;

fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: impl AsRef<Path>) -> String {
    let path = path.as_ref();
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn alerts() -> Vec<Rule> {
    rules().into_iter().filter(|rule| rule.alert.is_some()).collect()
}

/// The names of the runbooks, without `.md`.
fn runbooks() -> BTreeSet<String> {
    let entries = fs::read_dir(project("docs/runbooks")).unwrap().map(|entry| entry.unwrap().file_name());
    entries.map(|name| name.to_str().unwrap().trim_end_matches(".md").to_owned()).collect()
}

#[tokio::test]
async fn what_rules_and_runbooks_ask_for_is_exported_or_recorded() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite).webhook(1, "http://127.0.0.1:9/")).await;
    let samples = app.metrics().await.samples;
    let world = World::of(&samples);
    for rule in rules() {
        let place = format!("{} {}", rule.file, rule.name());
        assert_can_be_asked(&world, &rule.expr, &place);
    }
    for name in runbooks() {
        for query in read(project(&format!("docs/runbooks/{name}.md"))).split("```promql\n").skip(1) {
            let query = query.split("```").next().unwrap();
            assert_can_be_asked(&world, query, &format!("runbook {name}"));
        }
    }
}

/// What is recorded knows its job; everything else names it.
fn assert_can_be_asked(world: &World<'_>, query: &str, place: &str) {
    let job = Matcher::new(MatchOp::Equal, "job", "neodyme");
    for selector in selectors(query) {
        world.assert_knows(&selector, place);
        let (metric, names_job) = (selector.name.as_deref().unwrap(), selector.matchers.matchers.contains(&job));
        let is_exported = !metric.contains(':') && !is_of_prometheus(metric);
        assert!(!is_exported || names_job, "{place}: {metric} without job=\"neodyme\"");
        assert!(!metric.contains(':') || !names_job, "{place}: {metric} names the job again");
    }
}

#[tokio::test]
async fn the_critical_alert_names_the_critical_types() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite)).await;
    let samples = app.metrics().await.samples;
    let critical = samples.iter().filter(|s| s.name == "neodyme_errors_total" && s.labels["kind"] == "critical");
    let critical: BTreeSet<&str> = critical.map(|sample| sample.labels["error_type"].as_str()).collect();
    let alert = alerts().into_iter().find(|alert| alert.name() == "NeodymeCriticalError").unwrap();
    let named = selectors(&alert.expr);
    assert_eq!(named.len(), 1);
    for selector in &named {
        let types = &selector.matchers.find_matchers("error_type")[0].value;
        assert_eq!(types.split('|').collect::<BTreeSet<_>>(), critical);
    }
}

#[tokio::test]
async fn the_alerts_that_the_error_reference_names_see_the_error() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite).webhook(1, "http://127.0.0.1:9/")).await;
    let samples = app.metrics().await.samples;
    let rules = rules();
    for code in ErrorCode::ALL {
        for name in code.alert().into_iter().flat_map(|names| names.split(", ")) {
            let alert = rules.iter().find(|rule| rule.alert.as_deref() == Some(name));
            let alert = alert.unwrap_or_else(|| panic!("{code:?} names {name}, which is no alert"));
            // A taken address is told by how the registration ended, an endpoint by its topic, a service by its name.
            let series = match (code, name) {
                (ErrorCode::EmailAlreadyExists, _) => ("outcome", "duplicate"),
                (_, "NeodymeWebhookFailing") => ("topic", "webhook_1"),
                (ErrorCode::EmailServiceError, "NeodymeExternalServiceFailing") => ("service", "email"),
                (_, "NeodymeExternalServiceFailing") => ("service", "analytics"),
                _ => ("error_type", code.as_str()),
            };
            assert!(sees(&alert.expr, series, &rules, &samples), "{name} does not see {code:?}");
        }
        let mut alerts = rules.iter().filter(|rule| rule.alert.is_some() && rule.file == "error-patterns.yml");
        let seen = alerts.any(|alert| sees(&alert.expr, ("error_type", code.as_str()), &rules, &samples));
        assert_eq!(seen, code.kind() != ErrorKind::Expected, "{code:?} alerts as an error");
    }
}

/// Whether an expression results from an exported series with this label, itself or through what is recorded.
fn sees(expression: &str, series: (&str, &str), rules: &[Rule], samples: &[Sample]) -> bool {
    sees_through(expression, series, &rules.iter().collect::<Vec<_>>(), samples)
}

/// The same by these rules only: one that lasts by its own last value is asked once.
fn sees_through(expression: &str, (label, value): (&str, &str), rules: &[&Rule], samples: &[Sample]) -> bool {
    sources(expression).iter().any(|selector| {
        let name = selector.name.as_deref();
        let asks = selector.matchers.find_matchers(label);
        let (recorded, others): (Vec<&Rule>, Vec<&Rule>) =
            rules.iter().partition(|rule| name.is_some() && rule.record.as_deref() == name);
        let exported = samples
            .iter()
            .filter(|sample| name == Some(&sample.name) && sample.labels.get(label).is_some_and(|is| is == value));
        asks.iter().all(|matcher| matcher.is_match(value))
            && (recorded.into_iter().any(|rule| sees_through(&rule.expr, (label, value), &others, samples))
                || exported.into_iter().any(|sample| selects(selector, sample)))
    })
}

fn selects(selector: &VectorSelector, sample: &Sample) -> bool {
    // The job is what Prometheus calls the service.
    let mut matchers = selector.matchers.matchers.iter().filter(|matcher| matcher.name != "job");
    matchers.all(|matcher| matcher.is_match(sample.labels.get(&matcher.name).map_or("", String::as_str)))
}

#[test]
fn every_query_of_a_runbook_is_promql() {
    let queries = runbooks().into_iter().flat_map(|name| {
        let page = read(project(&format!("docs/runbooks/{name}.md")));
        let queries = page.split("```promql\n").skip(1).map(|rest| rest.split("```").next().unwrap().to_owned());
        queries.collect::<Vec<_>>()
    });
    assert_promql(queries);
}
