//! How a world is broken, kept broken and mended.

use std::collections::BTreeMap;
use std::future::pending;
use std::time::Duration;

use tokio::time::sleep;

use crate::common::analytics::Behaviour as Analytics;
use crate::common::app::{Reading, fresh_email, user};
use crate::common::database::{Database, open_postgres};
use crate::common::postgres::StopMode;
use crate::common::proxy::Way;
use crate::common::smtp::{Behaviour, Verb};

use super::faults::Injection;
use super::run::wait_for;
use super::traffic::{Traffic, somebody};
use super::world::World;

impl World {
    /// Breaks it. Returns when the fault is there.
    pub async fn inject(&mut self, injection: Injection) {
        match injection {
            Injection::DatabaseStopped => tokio::task::block_in_place(|| self.cluster.stop(StopMode::Fast)),
            Injection::DatabaseSlow => self.way.set(Way::Slow(Duration::from_millis(150))),
            Injection::MailDown => self.mail.go_down().await,
            Injection::MailHanging => {
                self.mail.behave(Behaviour::HangAfter(Verb::Greeting));
                self.mail.drop_idle_connections();
            }
            Injection::AnalyticsFailing => self.analytics.behave(Analytics::Status(500, None)),
            Injection::AnalyticsDown => self.analytics.stop().await,
            Injection::OneKilled => self.instances[1].kill(),
            Injection::AllKilled => self.instances.iter_mut().for_each(|instance| instance.kill()),
            Injection::MailRefused(times) => self.refuse_mail(times).await,
            Injection::FirstDatabaseError | Injection::OneDatabaseErrorThenFlood => self.fail_one_registration().await,
            Injection::LogStalled => self.instances[1].set_reading(Reading::Paused),
            Injection::ClockShifted => self.clock.set_ahead(30),
            Injection::Nothing | Injection::RestartLoop | Injection::DuplicateFlood | Injection::HashFlood => {}
        }
    }

    /// Does what the fault needs to last, and never returns.
    pub async fn sustain(&mut self, injection: Injection) {
        let target = self.instances[0].api_url();
        let _flood = match injection {
            Injection::RestartLoop => loop {
                self.instances[1].kill();
                sleep(Duration::from_secs(2)).await;
                self.instances[1].restart().await;
                sleep(Duration::from_secs(20)).await;
            },
            Injection::DuplicateFlood => {
                let (from, taken) = (somebody(), user(&fresh_email()));
                Traffic::flood(&target, 8, Duration::from_secs(1), move || (from, taken.clone()))
            }
            Injection::HashFlood | Injection::OneDatabaseErrorThenFlood => {
                Traffic::flood(&target, 40, Duration::from_secs(10), || (somebody(), user(&fresh_email())))
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
            Injection::MailDown => self.mail.come_back().await,
            Injection::MailHanging => {
                self.mail.go_down().await;
                self.mail.behave(Behaviour::Normal);
                self.mail.come_back().await;
            }
            Injection::AnalyticsFailing => self.analytics.behave(Analytics::Ok),
            Injection::AnalyticsDown => self.analytics.resume().await,
            Injection::OneKilled | Injection::RestartLoop => self.instances[1].restart().await,
            Injection::AllKilled => {
                for instance in &mut self.instances {
                    instance.restart().await;
                }
            }
            Injection::LogStalled => self.instances[1].set_reading(Reading::On),
            Injection::ClockShifted => self.clock.set_ahead(0),
            Injection::Nothing
            | Injection::MailRefused(_)
            | Injection::FirstDatabaseError
            | Injection::OneDatabaseErrorThenFlood
            | Injection::DuplicateFlood
            | Injection::HashFlood => {}
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
