//! Instances whose clocks disagree share one PostgreSQL: its clock decides, and nothing is done twice or too late.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends by panicking")]

mod common;

use std::collections::BTreeMap;
use std::time::Duration;

use common::analytics::{AnalyticsService, Behaviour as Analytics};
use common::app::{AppOptions, TestApp};
use common::clock::FakeClock;
use common::database::{Backend, Database};
use common::load::Load;
use common::postgres::Cluster;
use common::proxy::{Proxy, Way};
use common::scrape::metric;
use common::smtp::{Behaviour, SmtpSink};
use common::{eventually, eventually_within};

/// In seconds: further than any lease.
const OFF: i64 = 600;
/// Users for each instance.
const USERS: usize = 40;
/// Each answer of the mail server and each event takes so long: at any moment some are on their way.
const SLOWNESS: Duration = Duration::from_millis(100);

struct Instances {
    apps: Vec<TestApp>,
    mail: SmtpSink,
    analytics: AnalyticsService,
    _way: Proxy,
    _clocks: Vec<FakeClock>,
}

impl Instances {
    /// One whose clock is right, one behind, one ahead.
    async fn start() -> Instances {
        let database = Database::Postgres(Cluster::shared().create_database());
        let (mail, analytics) = (SmtpSink::start(Behaviour::Normal).await, AnalyticsService::start().await);
        let port = &mail.settings().into_iter().find(|(key, _)| *key == "smtp_port").unwrap().1;
        let way = Proxy::to(&format!("127.0.0.1:{port}")).await;
        way.set(Way::Slow(SLOWNESS));
        analytics.behave(Analytics::Slow(SLOWNESS));
        let (mut apps, mut clocks) = (Vec::new(), Vec::new());
        for ahead in [0, -OFF, OFF] {
            let mut options = AppOptions::on_database(database.clone());
            for (key, value) in mail.settings() {
                options = options.set(key, if key == "smtp_port" { way.address().port().to_string() } else { value });
            }
            let options = options.set("analytics_base_url", analytics.base_url()).set("outbox_poll_interval", "100ms");
            let clock = FakeClock::new();
            clock.set_ahead(ahead);
            apps.push(TestApp::spawn(clock.give_to(options)).await);
            clocks.push(clock);
        }
        Instances { apps, mail, analytics, _way: way, _clocks: clocks }
    }

    async fn register(&self) -> usize {
        let loads: Vec<_> = self.apps.iter().map(|app| Load::start(app, 2)).collect();
        for load in &loads {
            load.wait_for_accepted(USERS).await;
        }
        let mut users = 0;
        for load in loads {
            users += load.stop().await.iter().filter(|attempt| attempt.is_accepted()).count();
        }
        users
    }

    async fn wait_until_delivered(&self) {
        let open = "SELECT state AS text FROM outbox_jobs WHERE state <> 'delivered' LIMIT 1";
        let done = async || self.apps[0].database.texts(open).await.is_empty().then_some(());
        eventually_within(Duration::from_secs(60), "every job is delivered", done).await;
    }
}

fn times_of(keys: impl IntoIterator<Item = String>) -> BTreeMap<String, usize> {
    let mut times = BTreeMap::new();
    keys.into_iter().for_each(|key| *times.entry(key).or_default() += 1);
    times
}

fn assert_each_once(what: &str, keys: impl IntoIterator<Item = String>, users: usize) {
    let times = times_of(keys);
    let repeated: Vec<_> = times.iter().filter(|(_, times)| **times > 1).collect();
    assert!(repeated.is_empty(), "{} of {users} {what} went out again: {repeated:?}", repeated.len());
    assert_eq!(times.len(), users, "{what}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_mail_and_event_goes_out_once_and_soon_whoever_is_wrong_about_the_time() {
    let world = Instances::start().await;
    // Some fail at first, and are put off.
    for _ in 0..USERS / 2 {
        world.analytics.behave_once(Analytics::Status(429, None));
    }
    let users = world.register().await;
    world.wait_until_delivered().await;
    assert_each_once("mails", world.mail.received().into_iter().map(|mail| mail.to), users);
    let events = world.analytics.taken().into_iter().map(|event| event.body["event_id"].to_string());
    assert_each_once("events", events, users);

    let mut delivered = 0.0;
    for app in &world.apps {
        metric("neodyme_errors_total").label("error_type", "OUTBOX_ERROR").value(0.0).assert_in(app).await;
        let latency = |part: &str| metric(&format!("neodyme_outbox_delivery_latency_seconds{part}"));
        let all = latency("_count").read(app).await;
        let within_a_minute = latency("_bucket").label("le", "60.5").read(app).await;
        assert_eq!(all, within_a_minute, "no wait is told longer than it was");
        let sum = latency("_sum").read(app).await;
        assert!(all == 0.0 || sum > 0.0, "nor shorter: {sum} s for {all}");
        delivered += all;
    }
    assert_eq!(delivered, 2.0 * users as f64);
}

/// What waits is as old as it is, by each instance's own clock, which alerts hold it against.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_is_told_its_age_by_every_instance() {
    let world = Instances::start().await;
    world.mail.behave(Behaviour::refuse(common::smtp::Verb::Mail, 451, "4.3.0 later"));
    assert_eq!(world.apps[2].register(&common::app::fresh_email()).await.status, 201);
    for app in &world.apps {
        let told = async || {
            let oldest = metric("neodyme_outbox_oldest_pending_timestamp_seconds").label("topic", "welcome_email");
            let (now, oldest) = (metric("neodyme_clock_timestamp_seconds").read(app).await, oldest.read(app).await);
            (oldest > 0.0 && (0.0..60.0).contains(&(now - oldest))).then_some(())
        };
        eventually("its age is told", told).await;
    }
}

/// Seen at the next check of the database, and not taken from an answer that was only slow.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_leaves_the_database_is_told_within_seconds() {
    let database = Database::Postgres(Cluster::shared().create_database());
    let Database::Postgres(url) = &database else { panic!("{database:?}") };
    let server = url.split(['@', '/']).find(|part| part.starts_with("127.0.0.1:")).unwrap();
    let way = Proxy::to(server).await;
    let through = Database::Postgres(url.replace(server, &way.address().to_string()));
    let clock = FakeClock::new();
    let app = TestApp::spawn(clock.give_to(AppOptions::on_database(through).set("health_interval", "100ms"))).await;
    let difference =
        async || metric("neodyme_clock_difference_seconds").label("reference", "database").read(&app).await;
    way.set(Way::Slow(Duration::from_millis(500)));
    let slow = async || {
        let took = metric("neodyme_dependency_check_duration_seconds").label("dependency", "database").read(&app).await;
        (took > 0.5).then_some(())
    };
    eventually("the database is slow", slow).await;
    assert!(difference().await.abs() < 0.1, "{}", difference().await);
    way.set(Way::Clear);
    for ahead in [-OFF, OFF] {
        clock.set_ahead(ahead);
        let told = async || ((difference().await - ahead as f64).abs() < 2.0).then_some(());
        eventually("the difference is told", told).await;
    }
}

/// The clock of the one process jumps while mails are on their way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_jump_on_sqlite_sends_nothing_again() {
    let (analytics, clock) = (AnalyticsService::start().await, FakeClock::new());
    analytics.behave(Analytics::Slow(Duration::from_secs(3)));
    let options = AppOptions::on(Backend::Sqlite).set("analytics_base_url", analytics.base_url());
    let app = TestApp::spawn(clock.give_to(options.set("outbox_poll_interval", "100ms"))).await;
    for ahead in [OFF, -OFF] {
        let before = analytics.received().len();
        for _ in 0..4 {
            assert_eq!(app.register(&common::app::fresh_email()).await.status, 201);
        }
        analytics.wait_for_received(before + 4).await;
        clock.set_ahead(ahead);
        analytics.wait_for_taken(before + 4).await;
    }
    let open = "SELECT state AS text FROM outbox_jobs WHERE state <> 'delivered'";
    eventually("all is settled", async || app.database.texts(open).await.is_empty().then_some(())).await;
    assert_each_once("events", analytics.received().into_iter().map(|event| event.body["event_id"].to_string()), 8);
    metric("neodyme_errors_total").label("error_type", "OUTBOX_ERROR").value(0.0).assert_in(&app).await;
}
