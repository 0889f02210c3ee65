//! What the service depends on fails in every way there is: the checks see it, soon and without flapping, and see it heal.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends by panicking")]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use common::analytics::AnalyticsService;
use common::app::{AppOptions, TestApp, fresh_email};
use common::database::{Backend, Database};
use common::eventually;
use common::http::Answer;
use common::postgres::Cluster;
use common::programs::lasting_port;
use common::proxy::{Proxy, Way};
use common::scrape::metric;
use common::smtp::{Behaviour, SmtpSink};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// A password that the server does not ask for.
const PASSWORD: &str = "canary-password";

/// Checks five times a second.
fn watchful(options: AppOptions) -> AppOptions {
    options
        .set("health_interval", "200ms")
        .set("health_timeout", "2s")
        .set("health_slow_after", "300ms")
        .set("health_service_interval", "200ms")
        .set("health_service_timeout", "2s")
        .set("health_service_slow_after", "300ms")
}

/// A dependency behind a proxy, and what its failure does to the service.
struct Case {
    app: TestApp,
    proxy: Proxy,
    name: &'static str,
    check: &'static str,
    when_down: (u16, &'static str),
}

impl Case {
    async fn database() -> Case {
        let url = Cluster::shared().create_database();
        let mut behind_proxy = url::Url::parse(&url).unwrap();
        let proxy = Proxy::to(&format!("127.0.0.1:{}", behind_proxy.port().unwrap())).await;
        behind_proxy.set_port(Some(proxy.address().port())).unwrap();
        behind_proxy.set_password(Some(PASSWORD)).unwrap();
        let options = AppOptions::on_database(Database::Postgres(behind_proxy.to_string()));
        let app =
            TestApp::spawn(watchful(options).set("database_pool_size", 3).set("database_acquire_timeout", "10s")).await;
        Case { app, proxy, name: "database", check: "database", when_down: (503, "unhealthy") }
    }

    async fn email(sink: &SmtpSink) -> Case {
        let proxy = Proxy::to(&format!("127.0.0.1:{}", sink.port())).await;
        let options = AppOptions::on(Backend::Sqlite).set("smtp_host", "127.0.0.1").set("smtp_tls", "none");
        let app = TestApp::spawn(watchful(options).set("smtp_port", proxy.address().port())).await;
        Case { app, proxy, name: "email", check: "email_service", when_down: (200, "degraded") }
    }

    async fn analytics(service: &AnalyticsService) -> Case {
        let base = url::Url::parse(&service.base_url()).unwrap();
        let proxy = Proxy::to(&format!("127.0.0.1:{}", base.port().unwrap())).await;
        let through_proxy = format!("http://{}/v1", proxy.address());
        let options = AppOptions::on(Backend::Sqlite).set("analytics_base_url", through_proxy);
        let app = TestApp::spawn(watchful(options)).await;
        Case { app, proxy, name: "analytics", check: "analytics_service", when_down: (200, "degraded") }
    }

    async fn wait_for(&self, status: &str) -> (Answer, Value) {
        let mut last = Value::Null;
        eventually(&format!("{} is {status}", self.name), async || {
            let answer = self.app.get_ops("/health/detailed").await;
            last = answer.json();
            let check = last["checks"][self.check].clone();
            (check["status"] == status).then_some((answer, check))
        })
        .await
    }

    async fn assert_metrics(&self, up: f64, status: &str, health: &str) {
        metric("neodyme_dependency_up").label("dependency", self.name).value(up).assert_in(&self.app).await;
        let of =
            |status: &str| metric("neodyme_dependency_status").label("dependency", self.name).label("status", status);
        of(status).value(1.0).assert_in(&self.app).await;
        let all = metric("neodyme_dependency_status").label("dependency", self.name);
        all.value(1.0).assert_in(&self.app).await;
        metric("neodyme_health_status").label("status", health).value(1.0).assert_in(&self.app).await;
        metric("neodyme_health_status").value(1.0).assert_in(&self.app).await;
    }

    async fn is_well(&self) -> Value {
        let (answer, check) = self.wait_for("connected").await;
        assert_eq!((answer.status, &answer.json()["status"]), (200, &Value::from("healthy")), "{}", answer.text());
        assert_eq!(check["healthy"], true, "{check}");
        assert_eq!(check["error"], Value::Null, "{check}");
        assert!(check["response_time_ms"].as_f64().unwrap() > 0.0, "{check}");
        self.assert_metrics(1.0, "connected", "healthy").await;
        assert_eq!(self.app.get("/health/ready").await.status, 200);
        check["since"].clone()
    }

    async fn is_down(&self, error: &str) {
        let (answer, check) = self.wait_for("error").await;
        let (code, status) = self.when_down;
        assert_eq!((answer.status, &answer.json()["status"]), (code, &Value::from(status)), "{}", answer.text());
        assert_eq!(check["healthy"], false, "{check}");
        let said = check["error"].as_str().unwrap_or_else(|| panic!("no error in {check}"));
        assert!(said.contains(error) && said.len() < 1000, "{said}");
        assert!(!self.app.output().contains(PASSWORD) && !answer.text().contains(PASSWORD), "{said}");
        self.assert_metrics(0.0, "error", status).await;
        let down = |line: &Value| is_change(line, self.name) && line["context"]["to"] == "error";
        let line = self.app.wait_for_log("the change is logged", down).await;
        assert_eq!((&line["level"], &line["logger"]), (&"warning".into(), &"neodyme.health".into()), "{line}");
        let usable = code == 200;
        let wanted = if usable { 200 } else { 503 };
        for listener in [self.app.get("/health/").await, self.app.get_ops("/health/").await] {
            assert_eq!(listener.status, wanted, "{}", listener.text());
            assert_eq!(listener.json()["status"], status);
        }
        let ready = self.app.get("/health/ready").await;
        assert_eq!(ready.status, wanted, "{}", ready.text());
        let reasons: &[&str] = if usable { &[] } else { &["database_unusable"] };
        assert_eq!(ready.json()["reasons"], serde_json::json!(reasons));
        metric("neodyme_ready").value(f64::from(u8::from(usable))).assert_in(&self.app).await;
        assert_eq!(self.app.get("/health/live").await.status, 200, "to start it anew would help nobody");
    }
}

fn is_change(line: &Value, dependency: &str) -> bool {
    line["message"] == "Dependency changed" && line["context"]["dependency"] == dependency
}

/// Down, slow, hanging, and well again after each.
async fn tell_its_story(case: Case) {
    let first = case.is_well().await;
    case.proxy.set(Way::Cut);
    case.is_down("").await;
    case.proxy.set(Way::Clear);
    let second = case.is_well().await;
    assert_ne!(first, second, "well since it came back");

    case.proxy.set(Way::Slow(Duration::from_millis(350)));
    let (answer, check) = case.wait_for("slow").await;
    assert_eq!((answer.status, &answer.json()["status"]), (200, &Value::from("degraded")), "slow is not down");
    assert_eq!(check["healthy"], false, "{check}");
    case.assert_metrics(1.0, "slow", "degraded").await;
    case.proxy.set(Way::Clear);
    case.is_well().await;

    case.proxy.set(Way::Blocked);
    case.is_down("no answer within 2s").await;
    let checks = metric("neodyme_dependency_last_check_timestamp_seconds").label("dependency", case.name);
    let later = checks.read(&case.app).await + 3.0;
    checks.at_least(later).assert_in(&case.app).await;
    let success = metric("neodyme_dependency_last_success_timestamp_seconds").label("dependency", case.name);
    assert!(success.read(&case.app).await < later - 3.0, "it hangs, and is not thought to be well");
    // The database is shared by everybody: three connections that hang, three that are tried, and one of the start.
    let most = if case.name == "database" { 8 } else { 2 };
    assert!(case.proxy.most_open() <= most, "{} connections at once", case.proxy.most_open());
    case.proxy.set(Way::Clear);
    case.is_well().await;
    let health: Vec<_> = case.app.logs().into_iter().filter(|line| line["message"] == "Health changed").collect();
    assert!(health.len() >= 6, "{health:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_is_down_slow_hanging_and_back() {
    tell_its_story(Case::database().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_server_is_down_slow_hanging_and_back() {
    let sink = SmtpSink::start(Behaviour::Normal).await;
    tell_its_story(Case::email(&sink).await).await;
    let told = sink.commands();
    let is_harmless = |line: &String| ["EHLO", "NOOP", "QUIT"].iter().any(|verb| line.starts_with(verb));
    assert!(told.iter().all(is_harmless), "nothing is sent: {told:?}");
    assert!(told.iter().any(|line| line.starts_with("NOOP")), "{told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_analytics_service_is_down_slow_hanging_and_back() {
    let service = AnalyticsService::start().await;
    tell_its_story(Case::analytics(&service).await).await;
    assert!(service.received().is_empty(), "no event is sent");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn checks_of_services_are_counted_as_calls() {
    let sink = SmtpSink::start(Behaviour::Normal).await;
    let case = Case::email(&sink).await;
    let calls = |outcome: &str| {
        metric("neodyme_external_service_calls_total")
            .label("service", "email")
            .label("operation", "health")
            .label("outcome", outcome)
    };
    calls("success").at_least(2.0).assert_in(&case.app).await;
    case.proxy.set(Way::Blocked);
    calls("timeout").at_least(1.0).assert_in(&case.app).await;
    case.proxy.set(Way::Cut);
    calls("error").at_least(1.0).assert_in(&case.app).await;
}

/// An HTTP service whose every other answer is 503, and the count of its answers.
async fn wavering_service() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, answers) = (listener.local_addr().unwrap(), Arc::<AtomicUsize>::default());
    let count = answers.clone();
    tokio::spawn(async move {
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            if client.read(&mut [0; 4096]).await.unwrap_or_default() > 0 {
                let status = if count.fetch_add(1, Ordering::SeqCst) % 2 == 0 { "200 OK" } else { "503 No" };
                let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                let _ = client.write_all(answer.as_bytes()).await;
            }
        }
    });
    (format!("http://{address}"), answers)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_wavers_does_not_make_health_flap() {
    let (url, answers) = wavering_service().await;
    let app = TestApp::spawn(watchful(AppOptions::on(Backend::Sqlite)).set("analytics_base_url", url)).await;
    eventually("it has wavered", async || (answers.load(Ordering::SeqCst) >= 20).then_some(())).await;
    let changes: Vec<_> = app.logs().into_iter().filter(|line| is_change(line, "analytics")).collect();
    assert!(changes.is_empty(), "{changes:#?}");
    metric("neodyme_health_status").label("status", "healthy").value(1.0).assert_in(&app).await;
    let errors = metric("neodyme_external_service_calls_total").label("operation", "health").label("outcome", "error");
    assert!(errors.read(&app).await >= 5.0, "though every other check fails");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_starts_without_its_mail_server() {
    let options = AppOptions::on(Backend::Sqlite).set("smtp_host", "127.0.0.1").set("smtp_tls", "none");
    let app = TestApp::spawn(options.set("smtp_port", lasting_port())).await;
    let answer = app.get_ops("/health/detailed").await;
    assert_eq!(answer.status, 200);
    let body = answer.json();
    assert_eq!(body["status"], "degraded", "the first check is believed: {body}");
    assert_eq!(body["checks"]["email_service"]["status"], "error", "{body}");
    assert_eq!(app.register(&fresh_email()).await.status, 201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fresh_looks_are_joined_and_are_for_operators() {
    let service = AnalyticsService::start().await;
    let case = Case::analytics(&service).await;
    case.is_well().await;
    let (app, proxy) = (&case.app, &case.proxy);
    proxy.set(Way::Slow(Duration::from_millis(200)));
    let checks =
        metric("neodyme_external_service_calls_total").label("service", "analytics").label("operation", "health");
    let before = checks.read(app).await;
    let began = Instant::now();
    let looks = (0..100).map(|_| app.get_ops("/health/detailed?fresh=true"));
    let answers = futures_util::future::join_all(looks).await;
    let (took, after) = (began.elapsed(), checks.read(app).await);
    assert!(answers.iter().all(|answer| answer.status == 200));
    let most = 3.0 + took.as_secs_f64() / 0.3;
    assert!(after - before <= most, "{} checks for a hundred looks in {took:?}", after - before);
    assert!(proxy.most_open() <= 2, "{} connections at once", proxy.most_open());
}
