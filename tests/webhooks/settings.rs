//! What is configured: what is refused, what is shown, and what an endpoint is told of.

use crate::common::app::{AppOptions, TestApp, fresh_email};
use crate::common::database::Backend;
use crate::common::options::WEBHOOK_SECRET;
use crate::{OTHER_SECRET, endpoint, kinds};

fn check(settings: &[(&str, &str)]) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    let options = settings.iter().fold(AppOptions::bare(), |options, (key, value)| options.set(key, value));
    let output = options.run(&["check"], folder.path());
    (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
}

const HTTPS: (&str, &str) = ("webhook_1_url", "https://crm.example.com/hooks");
const SECRET: (&str, &str) = ("webhook_1_secret", WEBHOOK_SECRET);

#[test]
fn what_cannot_be_meant_is_refused_at_the_start() {
    let url = |url| ("webhook_1_url", url);
    let networks = |networks| ("webhook_private_networks", networks);
    let production = ("environment", "production");
    for (settings, said) in [
        (vec![HTTPS], "webhook_1_secret: it is missing, while webhook_1_url is set"),
        (vec![SECRET], "webhook_1_url: it is missing, while webhook_1_secret is set"),
        (vec![HTTPS, ("webhook_1_secret", "canary")], "webhook_1_secret"),
        (vec![HTTPS, ("webhook_1_secret", "whsec_Y2FuYXJ5")], "24 to 64"),
        (vec![HTTPS, SECRET, ("webhook_1_events", "user.born")], "is not a list of events"),
        (vec![url("ftp://crm.example.com"), SECRET], "webhook_1_url"),
        (vec![url("https://ada:canary@crm.example.com"), SECRET], "has more than a host and a path"),
        (vec![url("http://crm.example.com"), SECRET], "http is for private addresses only"),
        (vec![url("http://93.184.215.14"), SECRET, networks("0.0.0.0/1")], "http is for private addresses only"),
        (vec![url("https://127.0.0.1"), SECRET], "the address is not public"),
        (vec![url("https://169.254.169.254/latest"), SECRET], "the address is not public"),
        (vec![url("https://[fd00:ec2::254]/"), SECRET], "the address is not public"),
        (vec![url("https://[::ffff:10.0.0.1]/"), SECRET], "the address is not public"),
        (vec![url("https://0x7f.1/"), SECRET], "the address is not public"),
        (vec![url("https://10.0.0.1"), SECRET, networks("10.1.0.0/16")], "the address is not public"),
        (
            vec![url("http://10.1.0.1"), SECRET, networks("10.1.0.0/16"), production],
            "names and addresses over the network in plain text",
        ),
        (vec![HTTPS, SECRET, networks("0.0.0.0/0"), production], "webhook_private_networks"),
    ] {
        let (code, output) = check(&settings);
        assert_eq!(code, Some(2), "{settings:?}: {output}");
        assert!(output.contains(said), "{settings:?}: {output}");
        assert!(!output.contains("canary") && !output.contains("Y2FuYXJ5"), "{output}");
    }
}

#[test]
fn what_is_meant_is_shown_without_its_secrets() {
    let both = format!("{WEBHOOK_SECRET} {OTHER_SECRET}");
    for settings in [
        vec![HTTPS, ("webhook_1_secret", both.as_str())],
        vec![("webhook_1_url", "http://10.1.0.1/x"), SECRET, ("webhook_private_networks", "10.0.0.0/8")],
        vec![("webhook_1_url", "http://crm.internal/x"), SECRET, ("webhook_private_networks", "10.0.0.0/8")],
    ] {
        let (code, output) = check(&settings);
        assert_eq!(code, Some(0), "{output}");
        assert!(output.contains(&format!("webhook 1: POST {}\n", settings[0].1)), "{output}");
        assert!(output.contains("***") && !output.contains("Y2FuYXJ5"), "{output}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_is_told_of_what_it_wants_to_hear_alone() {
    let ((all, all_url), (deaths, deaths_url)) = (endpoint().await, endpoint().await);
    let options = AppOptions::on(Backend::Sqlite).webhook(1, &all_url).webhook(4, &deaths_url);
    let app = TestApp::spawn(options.set("webhook_4_events", "user.deleted")).await;
    let email = fresh_email();
    app.register(&email).await;
    all.wait_for_taken(1).await;
    let output = AppOptions::on_database(app.database.clone())
        .webhook(1, &all_url)
        .webhook(4, &deaths_url)
        .run(&["user", "delete", &email, "--yes"], app.folder());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(kinds(&deaths.wait_for_taken(1).await), ["user.deleted"]);
    assert_eq!(kinds(&all.wait_for_taken(2).await), ["user.registered", "user.deleted"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_an_endpoint_there_is_no_job_and_no_series() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite)).await;
    app.register(&fresh_email()).await;
    assert!(app.database.texts("SELECT topic AS text FROM outbox_jobs WHERE topic LIKE 'webhook%'").await.is_empty());
    let series = app.metrics().await.series();
    let of_webhooks: Vec<_> = series.iter().filter(|series| series.contains("webhook_")).collect();
    assert!(of_webhooks.is_empty(), "{of_webhooks:?}");
}
