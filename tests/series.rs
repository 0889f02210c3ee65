//! The set of series is fixed: complete in the first scrape, and the same whatever clients send.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends by panicking")]

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::app::{AppOptions, TestApp, fresh_email, user};
use common::database::Backend;
use common::http::{self, Answer};
use common::scrape::{Sample, Scrape, metric};
use neodyme::config::MOST_WEBHOOKS;
use neodyme::telemetry::metrics::MOST_SERIES;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use tokio::task::JoinSet;

const REQUESTS: usize = 10_000;
const CLIENTS: usize = 8;
/// For some endpoints that are to come: docs/METRICS.md says what one costs.
const ROOM: usize = 110;
/// Metrics whose labels depend on each other: a route has its codes, an error type its kind, a service its operations.
const DEPENDENT: [&str; 5] = [
    "neodyme_http_request",
    "neodyme_errors_total",
    "neodyme_error_causes_total",
    "neodyme_external_service",
    "neodyme_build_info",
];

#[derive(Clone, Debug)]
struct Request {
    method: String,
    path: String,
    content_type: String,
    body: Vec<u8>,
}

fn requests() -> impl Strategy<Value = Request> {
    let method = prop_oneof![
        4 => Just("POST".to_owned()),
        4 => prop::sample::select(vec!["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE"]).prop_map(str::to_owned),
        2 => "[A-Z]{1,12}".prop_filter("a tunnel", |method| method != "CONNECT"),
    ];
    let path = prop_oneof![
        4 => Just("/users/".to_owned()),
        1 => prop::sample::select(vec!["/", "/health/", "/health", "/users", "/metrics", "/users/a2/00"]).prop_map(str::to_owned),
        5 => "(/[a-zA-Z0-9%._~+-]{0,8}){1,4}(\\?[a-z=&]{0,8})?".prop_map(|path| path.replace('%', "%25")),
    ];
    let content_type = prop_oneof![3 => Just("application/json".to_owned()), 1 => "[a-z]{1,8}/[a-z]{1,8}"];
    let body = prop_oneof![
        1 => Just(Vec::new()),
        2 => prop::collection::vec(any::<u8>(), 0..200),
        3 => "\\{(\"[a-z_]{1,9}\":(\"[ -~&&[^\"\\\\]]{0,20}\"|[0-9]{1,3}|null),?){0,4}\\}?".prop_map(String::into_bytes),
        3 => any::<u64>().prop_map(|n| user(&format!("user{n}@example.com")).to_string().into_bytes()),
    ];
    (method, path, content_type, body).prop_map(|(method, path, content_type, body)| Request {
        method,
        path,
        content_type,
        body,
    })
}

async fn send(app: &TestApp, requests: Vec<Request>) -> BTreeMap<u16, usize> {
    let mut clients = JoinSet::new();
    for share in requests.chunks(requests.len().div_ceil(CLIENTS)) {
        let (share, client, url) = (share.to_vec(), http::client(), app.api_url());
        clients.spawn(async move {
            let mut statuses = Vec::new();
            for Request { method, path, content_type, body } in share {
                let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
                let request = client.request(method, format!("{url}{path}")).header("content-type", content_type);
                statuses.push(Answer::to(request.body(body)).await.unwrap().status);
            }
            statuses
        });
    }
    let mut statuses = BTreeMap::new();
    clients.join_all().await.into_iter().flatten().for_each(|status| *statuses.entry(status).or_default() += 1);
    statuses
}

async fn ten_thousand_random_requests_add_no_series(backend: Backend) {
    let app = TestApp::spawn(AppOptions::on(backend)).await;
    let before = app.metrics().await.series();
    let mut runner = TestRunner::deterministic();
    let strategy = requests();
    let random = (0..REQUESTS).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect();
    let statuses = send(&app, random).await;

    assert_eq!(statuses.values().sum::<usize>(), REQUESTS);
    for status in [200, 201, 400, 404, 405, 415, 422] {
        assert!(statuses.contains_key(&status), "the requests are of all kinds: {statuses:?}");
    }
    assert!(!statuses.contains_key(&500), "{statuses:?}");
    metric("neodyme_http_requests_in_flight").value(1.0).assert_in(&app).await;
    let after = app.metrics().await;
    let new: Vec<_> = after.series().difference(&before).cloned().collect();
    assert!(new.is_empty(), "not there at first: {new:#?}");
    assert_eq!(after.series(), before, "none is gone");
    metric("neodyme_http_requests_total").label("code", "other").value(0.0).assert_in(&app).await;
    // Every request was counted, once, under the status that its client saw.
    for (status, count) in statuses {
        // The operations listener answers scrapes with 200.
        if status != 200 {
            metric("neodyme_http_requests_total").label("code", status).value(count as f64).assert_in(&app).await;
        }
    }
    metric("neodyme_registrations_total").label("outcome", "error").value(0.0).assert_in(&app).await;
}

on_both_databases!(ten_thousand_random_requests_add_no_series);

/// The label tuples of each metric, as they are in the exposition.
fn tuples(scrape: &Scrape) -> BTreeMap<String, Vec<BTreeMap<String, String>>> {
    let mut tuples: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for sample in scrape.samples.iter().filter(|sample| !sample.name.ends_with("_bucket")) {
        tuples.entry(sample.name.clone()).or_default().push(sample.labels.clone());
    }
    tuples
}

#[tokio::test]
async fn every_label_tuple_is_its_own_series() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite)).await;
    let scrape = app.metrics().await;
    assert_eq!(scrape.series().len(), scrape.samples.len(), "no series is there twice");
    assert!(scrape.samples.len() + ROOM <= MOST_SERIES, "{} series", scrape.samples.len());

    // The library tells series apart by a hash of their label values without separators: what falls together is
    // missing here.
    for (name, tuples) in tuples(&scrape) {
        if DEPENDENT.iter().any(|prefix| name.starts_with(prefix)) {
            continue;
        }
        let mut values: BTreeMap<&String, BTreeSet<&String>> = BTreeMap::new();
        tuples.iter().flatten().for_each(|(label, value)| {
            values.entry(label).or_default().insert(value);
        });
        let product: usize = values.values().map(BTreeSet::len).product();
        assert_eq!(tuples.len(), product, "{name} has every combination of {values:?}");
    }
}

#[tokio::test]
async fn each_route_has_a_series_for_each_method_and_answer() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite)).await;
    let mut codes: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    for labels in tuples(&app.metrics().await).remove("neodyme_http_requests_total").unwrap() {
        let key = (labels["route"].clone(), labels["method"].clone());
        codes.entry(key).or_default().insert(labels["code"].clone());
    }
    let of =
        |route: &str, method: &str| codes[&(route.to_owned(), method.to_owned())].iter().map(String::as_str).collect();
    let registration: BTreeSet<&str> = of("/users/", "POST");
    for code in ["201", "400", "408", "409", "413", "415", "422", "500", "503"] {
        assert!(registration.contains(code), "{code} in {registration:?}");
    }
    // What its route does not serve, and what no route serves, is one method.
    let methods = |route: &str| -> Vec<&str> {
        codes.keys().filter(|(of, _)| of == route).map(|(_, method)| method.as_str()).collect()
    };
    assert_eq!(methods("/users/"), ["GET", "POST", "other"]);
    assert_eq!(methods("unmatched"), ["other"]);
    assert_eq!(of("/users/", "other"), BTreeSet::from(["405", "other"]));
    let unmatched: BTreeSet<&str> = of("unmatched", "other");
    assert!(unmatched.contains("404") && unmatched.contains("429"), "{unmatched:?}");
}

#[tokio::test]
async fn everything_is_at_zero_in_the_first_scrape() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite)).await;
    let scrape = app.metrics().await;
    let own = ["neodyme_db_", "neodyme_log_", "neodyme_http_", "neodyme_runtime_", "neodyme_machine_", "neodyme_cpu_"];
    let is_check = |sample: &Sample| sample.labels.get("operation").is_some_and(|operation| operation == "health");
    for sample in scrape.samples.iter().filter(|sample| !is_check(sample)) {
        let kind = scrape.types.get(&sample.name).map(String::as_str);
        // What the start itself, the first checks of health, this scrape and the machine do is not nothing.
        if kind == Some("counter")
            && sample.name.starts_with("neodyme_")
            && !own.iter().any(|p| sample.name.starts_with(p))
        {
            assert_eq!(sample.value, 0.0, "{}", sample.series());
        }
    }
    for error_type in ["DATABASE_ERROR", "EMAIL_ALREADY_EXISTS", "INTERNAL_ERROR"] {
        assert_eq!(metric("neodyme_errors_total").label("error_type", error_type).sum_in(&scrape), Some(0.0));
    }
}

#[tokio::test]
async fn each_answer_moves_its_own_series_only() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite)).await;
    let users = |code: u16| metric("neodyme_http_requests_total").label("route", "/users/").label("code", code);
    let email = fresh_email();
    for (expected, answer) in
        [(201, app.register(&email).await), (409, app.register(&email).await), (422, app.register("x").await)]
    {
        assert_eq!(answer.status, expected);
        users(expected).value(1.0).assert_in(&app).await;
    }
    let scrape = app.metrics().await;
    assert_eq!(users(400).sum_in(&scrape), Some(0.0));
    assert_eq!(users(503).sum_in(&scrape), Some(0.0));
    assert_eq!(metric("neodyme_http_request_size_bytes_count").sum_in(&scrape), Some(3.0));
    let times = metric("neodyme_http_request_duration_seconds_count").label("route", "/users/").label("method", "POST");
    assert_eq!(times.sum_in(&scrape), Some(3.0));
}

#[tokio::test]
async fn all_endpoints_of_webhooks_together_cost_no_more_than_there_is_room_for() {
    let endpoints = (1..=MOST_WEBHOOKS).fold(AppOptions::on(Backend::Sqlite), |options, number| {
        options.webhook(number, &format!("http://127.0.0.1:9/{number}"))
    });
    let [with, without] = [endpoints, AppOptions::on(Backend::Sqlite)]
        .map(|options| async { TestApp::spawn(options).await.metrics().await });
    let (with, without) = (with.await.samples, without.await.samples);
    let of_endpoints = |samples: &[Sample]| samples.iter().filter(|sample| is_of_webhooks(sample)).count();
    assert_eq!(of_endpoints(&without), 0, "what is not there has none");
    assert!(with.len() <= MOST_SERIES, "{} series", with.len());
    for number in 1..=MOST_WEBHOOKS {
        let topic = format!("webhook_{number}");
        let series = with.iter().filter(|sample| sample.labels.get("topic") == Some(&topic)).count();
        assert!((30..=45).contains(&series), "{series} of {topic}");
    }
}

fn is_of_webhooks(sample: &Sample) -> bool {
    sample.labels.get("topic").is_some_and(|topic| topic.starts_with("webhook"))
        || sample.labels.get("operation").is_some_and(|operation| operation == "send_webhook")
}
