//! What the pages tell a person: what is wrong now, since when, why, and what to do.

use neodyme::telemetry::errors::SAMPLES;
use serde_json::json;

use super::common::analytics::{AnalyticsService, Behaviour};
use super::common::app::{AppOptions, TestApp, fresh_email};
use super::common::eventually;
use super::common::http::Answer;
use super::common::smtp::{self, SmtpSink};
use super::common::users::PASSWORD;

/// A machine that is busy with other tests is not the fault of anything.
fn options() -> AppOptions {
    super::options().set("health_slow_after", "1m").set("health_service_slow_after", "1m")
}

async fn page(app: &TestApp, path: &str) -> String {
    let request = app.client.get(format!("{}{path}", app.ops_url())).header("accept", "text/html");
    let answer = Answer::to(request).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.text().replace("&#x2f;", "/")
}

/// The index, once all of this is on it.
async fn index_with(app: &TestApp, wanted: &[&str]) -> String {
    eventually(&format!("{wanted:?} on the page"), async || {
        let page = page(app, "/").await;
        wanted.iter().all(|wanted| page.contains(wanted)).then_some(page)
    })
    .await
}

/// The part of a page that begins with this.
fn part<'a>(page: &'a str, begin: &str, end: &str) -> &'a str {
    let rest = page.split_once(begin).unwrap_or_else(|| panic!("no {begin} in {page}")).1;
    rest.split_once(end).unwrap_or_else(|| panic!("no {end} in {rest}")).0
}

fn with_analytics(service: &AnalyticsService) -> AppOptions {
    options().set("analytics_base_url", service.base_url()).set("outbox_poll_interval", "100ms")
}

#[tokio::test]
async fn a_dependency_is_green_only_if_its_calls_succeed() {
    let service = AnalyticsService::start().await;
    let app = TestApp::spawn(with_analytics(&service)).await;
    assert_eq!(app.register(&fresh_email()).await.status, 201);
    let works = "<h3>analytics <span class=\"good\">works</span></h3>\n<p class=\"small\">Within 5 min: 1 attempt, none failed.";
    let well = index_with(&app, &[works, "neodyme is <span class=\"good\">healthy</span>"]).await;
    assert!(well.contains("Nothing: this instance sees nothing that needs somebody."), "{well}");
    assert!(!well.contains("/runbooks/Neodyme"), "{well}");

    service.behave(Behaviour::Status(500, None));
    for _ in 0..6 {
        assert_eq!(app.register(&fresh_email()).await.status, 201);
    }
    let fails = "<h3>analytics <span class=\"bad\">fails</span></h3>";
    let page = index_with(&app, &[fails, "/runbooks/NeodymeExternalServiceFailing", "on hold"]).await;
    assert!(page.contains("neodyme is <span class=\"warn\">degraded</span>"), "{page}");
    let trouble = part(&page, "The analytics service answers checks, and fails at work: ", "</article>");
    assert!(trouble.contains("<span class=\"tag\">refused_5xx</span>"), "the class of the cause: {trouble}");
    assert!(trouble.contains("the service answered 500 Internal Server Error"), "in words: {trouble}");
    assert!(trouble.contains("/errors/?type=ANALYTICS_SERVICE_ERROR"), "{trouble}");
    let health = app.get_ops("/health/detailed").await.json();
    assert_eq!(health["checks"]["analytics_service"]["status"], "connected", "its checks see nothing of it");
    let errors = part(&page, "<h2>Last errors</h2>", "<h2>Counts</h2>");
    assert!(errors.contains("ANALYTICS_SERVICE_ERROR") && errors.contains(" since the start · "), "{errors}");
    assert_eq!(runbooks(&page), ["NeodymeExternalServiceFailing"], "{page}");
}

/// The runbooks that a page leads to.
fn runbooks(page: &str) -> Vec<&str> {
    let links = page.split("href=\"/runbooks/").skip(1).map(|rest| rest.split('"').next().unwrap());
    let mut names: Vec<&str> = links.filter(|name| name.starts_with("Neodyme")).collect();
    names.sort();
    names.dedup();
    names
}

/// Its check fails, its emails fail, and there are many errors: one cause.
#[tokio::test]
async fn a_mail_server_that_is_down_leads_to_one_runbook_and_is_counted_in_emails() {
    let sink = SmtpSink::start(smtp::Behaviour::Normal).await;
    let settings = options().set_all(sink.settings()).set("outbox_poll_interval", "100ms");
    let app = TestApp::spawn(settings.set("health_service_interval", "1s").set("outbox_max_backoff", "500ms")).await;
    drop(sink);
    for _ in 0..3 {
        assert_eq!(app.register(&fresh_email()).await.status, 201);
    }
    let told = ["The mail server cannot be used, for ", ": 3 emails wait, and whoever needs a code cannot go on"];
    let page = index_with(&app, &[&told[..], &["3 emails wait. Within 5 min: "]].concat()).await;
    let mail = part(&page, "<h3>email ", "</li>");
    assert!(mail.contains(">down</span>") && mail.contains(" attempts failed (100 %)."), "{mail}");
    let page = index_with(&app, &["<h2>Last errors</h2>", "EMAIL_SERVICE_ERROR</span>"]).await;
    assert_eq!(runbooks(&page), ["NeodymeDependencyDown"], "{page}");
}

/// It is told why people cannot register, once.
#[tokio::test]
async fn a_database_that_fails_explains_the_registrations_that_fail() {
    let app = TestApp::spawn(options()).await;
    app.database.execute("ALTER TABLE users RENAME TO gone").await;
    for _ in 0..6 {
        app.register(&fresh_email()).await.assert_problem(503, "DATABASE_ERROR");
    }
    let page = index_with(&app, &["The database cannot be used, for ", "registrations failed within 5 min"]).await;
    assert_eq!(runbooks(&page), ["NeodymeCriticalError"], "{page}");
    assert!(page.contains("neodyme is <span class=\"bad\">unhealthy</span>"), "{page}");
}

#[tokio::test]
async fn what_is_given_up_is_told_by_reason_and_what_waits_with_its_age() {
    let sink = SmtpSink::start(smtp::Behaviour::Normal).await;
    let app = TestApp::spawn(options().set_all(sink.settings()).set("outbox_poll_interval", "100ms")).await;
    sink.behave(smtp::Behaviour::RefuseDomain("gone.example".into()));
    for name in ["ada", "grace"] {
        assert_eq!(app.register(&format!("{name}@gone.example")).await.status, 201);
    }
    let told = ["2 jobs of welcome_email given up (2 refused_5xx).", "/runbooks/NeodymeOutboxDeadLetters"];
    let page = index_with(&app, &told).await;
    let row = part(&page, "<th scope=\"row\">welcome_email</th>", "</tr>");
    assert!(row.contains("<td class=\"number\">2</td><td>2 refused_5xx</td>"), "{row}");
    let group = "<td>gone.example</td><td>refused_5xx (550)</td>";
    index_with(&app, &["<h3>Failed jobs</h3>", group]).await;
}

/// All failures of endpoints are errors of one type; the last one is of the endpoint that fails still.
#[tokio::test]
async fn an_endpoint_is_told_with_its_own_failure_and_its_own_runbook() {
    let [gone, fails] = [AnalyticsService::start().await, AnalyticsService::start().await];
    gone.behave(Behaviour::Status(410, None));
    fails.behave(Behaviour::Status(500, None));
    let options = options().webhook(1, &gone.base_url()).webhook(2, &fails.base_url());
    let app = TestApp::spawn(options.set("outbox_poll_interval", "100ms")).await;
    assert_eq!(app.register(&fresh_email()).await.status, 201);
    index_with(&app, &["webhook_1 is switched off by its endpoint (gone)"]).await;
    for _ in 0..6 {
        assert_eq!(app.register(&fresh_email()).await.status, 201);
    }
    let page = index_with(&app, &["The endpoint of webhook_2 fails"]).await;
    let of = |begin| part(&page, begin, "</article>");
    let (first, second) = (of("webhook_1 is switched off"), of("The endpoint of webhook_2 fails"));
    assert!(first.contains("410 Gone") && first.contains("webhook_1, ") && !first.contains("webhook_2"), "{first}");
    assert!(second.contains("webhook_2, ") && !second.contains("410"), "{second}");
    assert_eq!([first, second].map(runbooks), [["NeodymeWebhookSwitchedOff"], ["NeodymeWebhookFailing"]]);
    let last = part(part(&page, "<h2>Last errors</h2>", "<h2>"), "WEBHOOK_SERVICE_ERROR", "</article>");
    assert!(last.contains("webhook_2, ") && runbooks(last) == ["NeodymeWebhookFailing"], "{last}");
}

#[tokio::test]
async fn figures_are_of_now_beside_those_since_the_start_and_the_last_hour_is_drawn() {
    let app = TestApp::spawn(options()).await;
    let email = fresh_email();
    for status in [201, 409, 409] {
        assert_eq!(app.register(&email).await.status, status);
    }
    let counted = "<th scope=\"row\">duplicate</th><td class=\"number\">";
    let is_drawn = "New users, minute by minute in the last hour: highest";
    let page = eventually("the figures", async || {
        let page = page(&app, "/").await;
        let rate = part(&page, counted, "</td>").to_owned();
        (rate != "0" && page.contains(is_drawn)).then_some(page)
    })
    .await;
    assert!(part(&page, counted, "</tr>").contains("<td class=\"number duplicate\">2</td>"), "{page}");
    assert_eq!(page.matches("<svg ").count(), 9);
    assert_eq!(page.matches("role=\"img\" aria-label=\"").count(), 9, "each has words for those who do not see it");
    assert_eq!(
        part(&page, "<h3>Registrations that succeed</h3>\n<p class=\"figure\"><strong class=\"\">", "</strong>"),
        "100 %"
    );
    assert!(!page.contains("<script") && !page.contains("<img"), "{page}");
}

#[tokio::test]
async fn whether_people_can_sign_in_is_told_with_the_key_that_it_depends_on() {
    let app = TestApp::spawn(options()).await;
    let user = app.signed_in().await;
    app.login(&user.email, "wrong horse battery").await.assert_problem(401, "INVALID_CREDENTIALS");
    let works =
        "<h3>signing key <span class=\"good\">works</span></h3>\n<p class=\"small\">This instance signs with the key ";
    let drawn = "Sign-ins, minute by minute in the last hour: highest";
    let succeed = "<h3>Sign-ins that succeed</h3>\n<p class=\"figure\"><strong class=\"\">100 %</strong>";
    let well = index_with(&app, &[works, drawn, succeed, "neodyme is <span class=\"good\">healthy</span>"]).await;
    assert!(
        part(&well, "<h3>Sign-ins</h3>\n<table", "</table>").contains("<td class=\"number wrong\">1</td>"),
        "{well}"
    );
    let health = app.get_ops("/health/detailed").await.json();
    assert_eq!(
        (&health["signing_key"]["usable"], &health["signing_key"]["keys"]),
        (&json!(true), &json!(1)),
        "{health}"
    );
    assert_eq!((&health["metrics"]["sign_ins"]["success"], &health["status"]), (&json!(1), &json!("healthy")));

    // The hash of one user: the key works, and sign-ins fail.
    app.database.execute("UPDATE users SET password_hash = 'x'").await;
    for _ in 0..5 {
        app.login(&user.email, PASSWORD).await.assert_problem(500, "AUTHENTICATION_FAILURE");
    }
    let failing =
        ["5 of 6 sign-ins failed within 5 min (83.3 %).", "neodyme is <span class=\"bad\">failing</span>", works];
    let page = index_with(&app, &failing).await;
    let trouble = part(&page, "sign-ins failed within 5 min", "</article>");
    assert!(trouble.contains("/runbooks/NeodymeSignInsFailing"), "{trouble}");
    assert!(trouble.contains("/errors/?type=AUTHENTICATION_FAILURE") && trouble.contains("the hash of "), "{trouble}");

    // The key itself.
    app.database.execute("UPDATE signing_keys SET is_sealed = true").await;
    let unreadable = ["<h3>signing key <span class=\"bad\">cannot be read</span></h3>", "cannot read the signing key "];
    let page = index_with(&app, &unreadable).await;
    let trouble = part(&page, "cannot read the signing key ", "</article>");
    assert!(
        trouble.contains("nobody can sign in here") && trouble.contains("/runbooks/NeodymeSignInsFailing"),
        "{trouble}"
    );
    assert!(!page.contains("sign-ins failed within"), "it is explained: {page}");
    let health = app.get_ops("/health/detailed").await.json();
    assert_eq!(health["signing_key"]["usable"], json!(false), "{health}");
}

#[tokio::test]
async fn the_page_of_errors_folds_what_says_the_same_and_everyday_business() {
    let service = AnalyticsService::start().await;
    service.behave(Behaviour::Status(500, None));
    let app = TestApp::spawn(with_analytics(&service).set("outbox_retry_for", "2d")).await;
    let email = fresh_email();
    for _ in 0..4 {
        app.register(&email).await;
    }
    eventually("the event fails again and again", async || (service.received().len() > 2).then_some(())).await;
    let page = eventually("the errors are kept", async || {
        let page = page(&app, "/errors/").await;
        let wanted = ["ANALYTICS_SERVICE_ERROR", "samples, all the same", "<strong>3 times</strong>"];
        wanted.iter().all(|wanted| page.contains(wanted)).then_some(page)
    })
    .await;
    let event = part(&page, "<article id=\"ANALYTICS_SERVICE_ERROR\">", "</article>");
    assert!(event.contains("where the fault is its own for 2 days"), "the value, not the name: {event}");
    assert!(event.contains(&format!("analytics_base_url (now {})", service.base_url())), "{event}");
    assert!(!event.contains("outbox_retry_for"), "{event}");
    assert!(event.contains("/runbooks/NeodymeExternalServiceFailing"), "{event}");
    assert_eq!(event.matches("the service answered 500 Internal Server Error").count(), 1, "{event}");

    let (before, folded) = page.split_once("<details class=\"fold\">").unwrap();
    assert!(!before.contains("EMAIL_ALREADY_EXISTS"), "everyday business does not hide the rest: {before}");
    assert!(folded.starts_with("<summary>Everyday business: 3 in all, of one type</summary>"), "{folded}");
    assert!(part(folded, "<article id=\"EMAIL_ALREADY_EXISTS\">", "</article>").contains("<strong>3 times</strong>"));
    let json = app.get_ops("/errors?type=EMAIL_ALREADY_EXISTS").await.json();
    let samples = json["errors"][0]["samples"].as_array().unwrap().len();
    assert!(samples == 3 && SAMPLES >= 3, "scripts get each sample");
    let json = app.get_ops("/errors?type=BODY_TOO_LARGE").await.json();
    assert_eq!(json["errors"][0]["meaning"], "The body is larger than 16 KiB.");
}

#[tokio::test]
async fn what_a_server_says_is_text_and_no_markup() {
    let sink = SmtpSink::start(smtp::Behaviour::Normal).await;
    let app = TestApp::spawn(options().set_all(sink.settings()).set("outbox_poll_interval", "100ms")).await;
    sink.behave(smtp::Behaviour::refuse(smtp::Verb::Rcpt, 550, "5.1.1 no \"such\" & box"));
    assert_eq!(app.register(&fresh_email()).await.status, 201);
    let said = "550 5.1.1 no &quot;such&quot; &amp; box";
    index_with(&app, &[said]).await;
    let errors = page(&app, "/errors/").await;
    assert!(errors.contains(said), "{errors}");
}
