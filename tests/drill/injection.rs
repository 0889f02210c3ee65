//! How a world is broken, kept broken and mended.

use std::collections::BTreeMap;
use std::fs;
use std::future::pending;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::json;
use tokio::time::sleep;
use tokio_postgres::{Client, NoTls};

use crate::common::analytics::Behaviour as Analytics;
use crate::common::app::{Reading, fresh_email, user};
use crate::common::database::{Database, open_postgres};
use crate::common::postgres::StopMode;
use crate::common::proxy::Way;
use crate::common::smtp::{Behaviour, Verb};
use crate::common::users::PASSWORD;

use super::faults::Injection;
use super::run::wait_for;
use super::traffic::{Traffic, somebody};
use super::world::{TOKEN, World};

impl World {
    /// Breaks it. Returns when the fault is there.
    pub async fn inject(&mut self, injection: Injection) {
        match injection {
            Injection::DatabaseStopped => tokio::task::block_in_place(|| self.cluster.stop(StopMode::Fast)),
            Injection::DatabaseSlow => self.way.set(Way::Slow(Duration::from_millis(300))),
            Injection::DatabaseReadOnly => self.set_read_only(true).await,
            Injection::TableLocked => self.lock_users().await,
            Injection::DatabaseReadOnlyThenLocked => {
                self.set_read_only(true).await;
                sleep(Duration::from_secs(60)).await;
                self.set_read_only(false).await;
                sleep(Duration::from_secs(120)).await;
                self.lock_users().await;
            }
            Injection::ConnectionsExhausted => self.take_connections().await,
            Injection::OneHung => self.instances[1].signal(Signal::STOP),
            Injection::MailRefusesLogin => {
                self.mail.behave(Behaviour::refuse(Verb::Mail, 535, "5.7.8 Authentication credentials invalid"));
            }
            Injection::AnalyticsLoginPage => {
                self.analytics.behave(Analytics::Foreign(
                    200,
                    Some("text/html"),
                    "<!doctype html><title>Log in</title>",
                ));
            }
            Injection::DomainRefused => self.refuse_domain().await,
            Injection::MailDown => self.mail.go_down().await,
            Injection::MailHanging => {
                self.mail.behave(Behaviour::HangAfter(Verb::Greeting));
                self.mail.drop_idle_connections();
            }
            Injection::AnalyticsFailing => self.analytics.behave(Analytics::Status(500, None)),
            Injection::AnalyticsDown => self.analytics.stop().await,
            Injection::WebhooksFailing => self.webhooks.behave(Analytics::Status(500, None)),
            Injection::WebhooksGone => self.webhooks.behave(Analytics::Status(410, None)),
            Injection::OneKilled => self.instances[1].kill(),
            Injection::AllKilled => self.instances.iter_mut().for_each(|instance| instance.kill()),
            Injection::MailRefused(times) => self.refuse_mail(times).await,
            Injection::FirstDatabaseError | Injection::OneDatabaseErrorThenFlood => self.fail_one_registration().await,
            Injection::LogStalled => self.instances[1].set_reading(Reading::Paused),
            Injection::TokenChanged => fs::write(self.token.path(), "another").unwrap(),
            Injection::ClockShifted(seconds) => self.clock.set_ahead(seconds),
            Injection::RollingRestart => self.restart_each().await,
            Injection::TokenStolen => self.steal_token().await,
            Injection::KeyUnreadable | Injection::KeyUnreadableUnnoticed => {
                self.database.execute("UPDATE signing_keys SET is_sealed = true").await;
            }
            Injection::Nothing
            | Injection::RestartLoop
            | Injection::DuplicateFlood
            | Injection::HashFlood
            | Injection::CodesAsked
            | Injection::WrongPasswords => {}
        }
    }

    /// Does what the fault needs to last, and never returns.
    pub async fn sustain(&mut self, injection: Injection) {
        let api = self.instances[0].api_url();
        let (users, login) = (format!("{api}/users/"), format!("{api}/auth/login"));
        let _flood = match injection {
            Injection::RestartLoop => loop {
                self.instances[1].kill();
                sleep(Duration::from_secs(2)).await;
                self.instances[1].restart().await;
                sleep(Duration::from_secs(20)).await;
            },
            Injection::ConnectionsExhausted => loop {
                self.take_connections().await;
                sleep(Duration::from_millis(200)).await;
            },
            Injection::DuplicateFlood => {
                let (from, taken) = (somebody(), user(&fresh_email()));
                Traffic::flood(&users, 8, Duration::from_secs(1), move || (from, taken.clone()))
            }
            Injection::HashFlood | Injection::OneDatabaseErrorThenFlood => {
                Traffic::flood(&users, 40, Duration::from_secs(10), || (somebody(), user(&fresh_email())))
            }
            Injection::WrongPasswords => {
                let wrong = || json!({ "email": fresh_email(), "password": "wrong horse battery" });
                Traffic::flood(&login, 8, Duration::from_secs(1), move || (somebody(), wrong()))
            }
            Injection::CodesAsked => {
                let asked = format!("{api}/auth/reset-password/send");
                Traffic::flood(&asked, 8, Duration::from_secs(1), || (somebody(), json!({ "email": fresh_email() })))
            }
            Injection::KeyUnreadable => {
                let email = fresh_email();
                assert_eq!(self.instances[0].register(&email).await.status, 201);
                let right = json!({ "email": email, "password": PASSWORD });
                Traffic::flood(&login, 1, Duration::from_secs(2), move || (somebody(), right.clone()))
            }
            _ => return pending().await,
        };
        pending().await
    }

    /// Mends it. Returns when it is whole.
    pub async fn mend(&mut self, injection: Injection) {
        match injection {
            Injection::DatabaseStopped => tokio::task::block_in_place(|| self.cluster.start_again()),
            Injection::DatabaseSlow => self.way.set(Way::Clear),
            Injection::DatabaseReadOnly => self.set_read_only(false).await,
            Injection::TableLocked | Injection::DatabaseReadOnlyThenLocked | Injection::ConnectionsExhausted => {
                self.sessions.clear();
            }
            Injection::OneHung => self.instances[1].signal(Signal::CONT),
            Injection::MailDown => self.mail.come_back().await,
            Injection::MailHanging => {
                self.mail.go_down().await;
                self.mail.behave(Behaviour::Normal);
                self.mail.come_back().await;
            }
            Injection::MailRefusesLogin => self.mail.behave(Behaviour::Normal),
            Injection::DomainRefused => {
                self.mail.behave(Behaviour::Normal);
                // An operator decides.
                let discard = "DELETE FROM outbox_jobs WHERE state = 'dead'";
                self.session().await.unwrap().batch_execute(discard).await.unwrap();
            }
            Injection::AnalyticsFailing | Injection::AnalyticsLoginPage => self.analytics.behave(Analytics::Ok),
            Injection::AnalyticsDown => self.analytics.resume().await,
            Injection::WebhooksFailing => self.webhooks.behave(Analytics::Ok),
            Injection::WebhooksGone => {
                self.webhooks.behave(Analytics::Ok);
                // As `neodyme webhook on` does.
                self.session().await.unwrap().batch_execute("DELETE FROM webhooks_off").await.unwrap();
            }
            Injection::OneKilled | Injection::RestartLoop => self.instances[1].restart().await,
            Injection::AllKilled => {
                for instance in &mut self.instances {
                    instance.restart().await;
                }
            }
            Injection::KeyUnreadable | Injection::KeyUnreadableUnnoticed => {
                self.database.execute("UPDATE signing_keys SET is_sealed = false").await;
            }
            Injection::LogStalled => self.instances[1].set_reading(Reading::On),
            Injection::TokenChanged => fs::write(self.token.path(), TOKEN).unwrap(),
            Injection::ClockShifted(_) => self.clock.set_ahead(0),
            Injection::Nothing
            | Injection::RollingRestart
            | Injection::MailRefused(_)
            | Injection::FirstDatabaseError
            | Injection::OneDatabaseErrorThenFlood
            | Injection::DuplicateFlood
            | Injection::WrongPasswords
            | Injection::CodesAsked
            | Injection::TokenStolen
            | Injection::HashFlood => {}
        }
    }

    /// Somebody uses a refresh token an hour after its user did.
    async fn steal_token(&self) {
        let [here, there] = [&self.instances[0], &self.instances[1]];
        let victim = here.signed_in().await;
        assert_eq!(here.refresh(&victim.refresh).await.status, 200);
        self.database.set_back("refresh_tokens", "rotated_at", 3600).await;
        there.refresh(&victim.refresh).await.assert_problem(403, "SECURITY_VIOLATION");
    }

    /// A session of somebody else.
    async fn session(&self) -> Result<Client, tokio_postgres::Error> {
        let Database::Postgres(url) = &self.database else { panic!("a world stands on PostgreSQL") };
        let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
        tokio::spawn(connection);
        Ok(client)
    }

    async fn set_read_only(&self, is_read_only: bool) {
        let session = self.session().await.unwrap();
        let value = if is_read_only { "on" } else { "off" };
        session.batch_execute("SET default_transaction_read_only = off").await.unwrap();
        let change = format!("ALTER SYSTEM SET default_transaction_read_only = {value}");
        session.batch_execute(&change).await.unwrap();
        session.batch_execute("SELECT pg_reload_conf()").await.unwrap();
    }

    async fn lock_users(&mut self) {
        let session = self.session().await.unwrap();
        session.batch_execute("BEGIN; LOCK TABLE users IN ACCESS EXCLUSIVE MODE").await.unwrap();
        self.sessions.push(session);
    }

    /// Takes the connections that neodyme has, and all others that there are.
    async fn take_connections(&mut self) {
        while let Ok(session) = self.session().await {
            self.sessions.push(session);
        }
        let theirs = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'neodyme'";
        if let Some(session) = self.sessions.first() {
            let _ = session.batch_execute(theirs).await;
        }
        while let Ok(session) = self.session().await {
            self.sessions.push(session);
        }
    }

    /// Waits for what an orchestrator waits for: the end of the old process, and a new one that is ready.
    async fn restart_each(&mut self) {
        for instance in &mut self.instances {
            assert!(instance.stop().await.success());
            instance.restart().await;
            sleep(Duration::from_secs(20)).await;
        }
    }

    /// Twelve people register whose mail server's domain takes no mail any more.
    async fn refuse_domain(&self) {
        self.mail.behave(Behaviour::RefuseDomain("closed.example".into()));
        for (number, instance) in (0..12).zip(self.instances.iter().cycle()) {
            assert_eq!(instance.register(&format!("user{number}@closed.example")).await.status, 201);
        }
    }

    /// One new user for each number, whose mail is refused so many times: as many errors of one type and as many users
    /// as wanted, while other mail goes on.
    async fn refuse_mail(&self, times: &[usize]) {
        let refused: BTreeMap<String, usize> = times.iter().map(|times| (fresh_email(), *times)).collect();
        self.mail.behave(Behaviour::Greylist(refused.clone()));
        for (email, instance) in refused.keys().zip(self.instances.iter().cycle()) {
            assert_eq!(instance.register(email).await.status, 201);
        }
        // With the outbox's pauses before another attempt this takes up to 20 s.
        let is_delivered = |email: &String| self.mail.received().iter().any(|mail| mail.to == *email);
        let all = wait_for(Duration::from_secs(90), || refused.keys().all(is_delivered)).await;
        assert!(all, "the refused mails are delivered at last");
    }

    /// One registration wants a row that another session has written and not committed: its statement times out, which
    /// is one DATABASE_ERROR, and nobody else notices.
    async fn fail_one_registration(&self) {
        let Database::Postgres(url) = &self.database else { panic!("a world stands on PostgreSQL") };
        let (client, connection) = open_postgres(url).await;
        let email = fresh_email();
        let row = format!(
            "INSERT INTO users SELECT gen_random_uuid(), '{email}', '{email}', 'Ada', 'none', true, now(), now()"
        );
        client.batch_execute(&format!("BEGIN; {row}")).await.unwrap();
        let answer = self.instances[0].register(&email).await;
        assert_eq!((answer.status, answer.json()["code"].as_str()), (503, Some("DATABASE_ERROR")), "{answer:?}");
        client.batch_execute("ROLLBACK").await.unwrap();
        drop(client);
        connection.await.unwrap().unwrap();
    }
}
