//! PostgreSQL fails over: the address that neodyme knows leads to another server, for a while to one that takes no writes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends by panicking")]

mod common;

use std::time::{Duration, Instant};

use common::app::{AppOptions, TestApp, fresh_email};
use common::database::{Database, open_postgres};
use common::eventually;
use common::postgres::{Cluster, StopMode};
use common::proxy::{Proxy, Way};
use futures_util::future::join_all;

/// A primary, its standby, an address that leads to the primary, and an app whose sessions all go through that.
struct Pair {
    primary: Cluster,
    standby: Cluster,
    address: Proxy,
    app: TestApp,
}

impl Pair {
    async fn start() -> Pair {
        let primary = Cluster::start();
        let url = primary.create_database();
        let standby = primary.start_standby();
        let address = Proxy::to(&primary.address()).await;
        let url = url.replace(&primary.address(), &address.address().to_string());
        let options = AppOptions::on_database(Database::Postgres(url)).set("database_connect_timeout", "1s");
        let app = TestApp::spawn(options).await;
        Pair { primary, standby, address, app }
    }

    /// Breaks the sessions; new ones go to the standby.
    async fn move_to_standby(&self) {
        self.address.lead_to(&self.standby.address());
        self.address.break_connections().await;
        let replayed = async || {
            let name = "SELECT 1 FROM pg_database WHERE datname LIKE 'test_%'";
            let (session, _) = open_postgres(&format!("postgres://postgres@{}/postgres", self.standby.address())).await;
            (!session.query(name, &[]).await.unwrap().is_empty()).then_some(())
        };
        eventually("the standby follows", replayed).await;
    }

    /// Many at once, so that there are many sessions.
    async fn register_many(&self) -> Vec<u16> {
        let emails: Vec<_> = (0..20).map(|_| fresh_email()).collect();
        let answers = join_all(emails.iter().map(|email| self.app.register(email))).await;
        answers.into_iter().map(|answer| answer.status).collect()
    }

    async fn assert_heals(&self) {
        let began = Instant::now();
        let registered = async || (self.app.register(&fresh_email()).await.status == 201).then_some(());
        eventually("people can register", registered).await;
        assert!(began.elapsed() < Duration::from_secs(10), "after {:?}", began.elapsed());
        assert_eq!(self.register_many().await, [201; 20], "for good");
        let ready = async || (self.app.get("/health/ready").await.status == 200).then_some(());
        eventually("it is ready", ready).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_leads_to_the_standby_for_a_while_heals() {
    let pair = Pair::start().await;
    assert_eq!(pair.register_many().await, [201; 20]);
    pair.move_to_standby().await;
    let unready = async || {
        pair.register_many().await.into_iter().for_each(|status| assert_eq!(status, 503));
        (pair.app.get("/health/ready").await.status == 503).then_some(())
    };
    eventually("it is not ready", unready).await;
    // The sessions at the standby live on: nobody but the service ends them.
    pair.address.lead_to(&pair.primary.address());
    pair.assert_heals().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_nobody_uses_heals_as_well() {
    let pair = Pair::start().await;
    pair.move_to_standby().await;
    eventually("it is not ready", async || (pair.app.get("/health/ready").await.status == 503).then_some(())).await;
    pair.address.lead_to(&pair.primary.address());
    eventually("it is ready", async || (pair.app.get("/health/ready").await.status == 200).then_some(())).await;
    assert_eq!(pair.register_many().await, [201; 20], "not one of them fails");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_that_is_promoted_takes_over() {
    let pair = Pair::start().await;
    assert_eq!(pair.register_many().await, [201; 20]);
    // Sessions to the standby from before its promotion are good afterwards.
    pair.move_to_standby().await;
    assert_eq!(pair.app.register(&fresh_email()).await.status, 503);
    pair.primary.stop(StopMode::Immediate);
    pair.standby.promote();
    pair.assert_heals().await;
}

/// A primary that answers no more is followed by its standby, whose address stands beside its own.
async fn a_second_host_takes_over(way: Way) {
    let primary = Cluster::start();
    let url = primary.create_database();
    let standby = primary.start_standby();
    let address = Proxy::to(&primary.address()).await;
    let hosts = format!("{},{}", address.address(), standby.address());
    let url = Database::Postgres(url.replace(&primary.address(), &hosts));
    let options =
        AppOptions::on_database(url).set("database_connect_timeout", "1s").set("database_query_timeout", "1s");
    let pair = Pair { primary, standby, address, app: TestApp::spawn(options).await };
    assert_eq!(pair.register_many().await, [201; 20]);
    pair.address.set(way);
    pair.primary.stop(StopMode::Immediate);
    pair.standby.promote();
    pair.assert_heals().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_host_takes_over_from_one_that_refuses() {
    a_second_host_takes_over(Way::Cut).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_host_takes_over_from_one_that_is_silent() {
    a_second_host_takes_over(Way::Blocked).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_that_stands_first_is_passed_over() {
    let primary = Cluster::start();
    let url = primary.create_database();
    let standby = primary.start_standby();
    let hosts = format!("{},{}", standby.address(), primary.address());
    let app =
        TestApp::spawn(AppOptions::on_database(Database::Postgres(url.replace(&primary.address(), &hosts)))).await;
    assert_eq!(app.register(&fresh_email()).await.status, 201);
}
