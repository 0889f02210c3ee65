//! The service with a mail server and an analytics service that take everything.

use std::collections::HashSet;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use serde_json::json;

use crate::common::analytics::AnalyticsService;
use crate::common::app::{AppOptions, TestApp};
use crate::common::database::Backend;
use crate::common::http::{self, Answer};
use crate::common::load::Attempt;
use crate::common::smtp::{Behaviour, SmtpSink};

/// What opens the operations listener.
pub const TOKEN: &str = "soak-0123456789abcdef";
/// What waits when the load ends is delivered in this time.
const PATIENCE: Duration = Duration::from_secs(120);

pub struct World {
    pub app: TestApp,
    mail: SmtpSink,
    analytics: AnalyticsService,
    /// What has been received, and forgotten since: an hour of it would not fit into the memory of a test.
    delivered: Delivered,
}

/// How many of each were delivered.
#[derive(Clone, Copy, Debug, Default)]
pub struct Delivered {
    pub mails: usize,
    pub events: usize,
}

impl World {
    /// Passwords cost what they do by default.
    pub async fn start(backend: Backend) -> World {
        let (mail, analytics) = (SmtpSink::start(Behaviour::Normal).await, AnalyticsService::start().await);
        let mut options = AppOptions::on(backend)
            .set("password_argon2_memory_kib", 19_456)
            .set("password_argon2_iterations", 2)
            .set("ops_token", TOKEN)
            .set("analytics_base_url", analytics.base_url());
        for (key, value) in mail.settings() {
            options = options.set(key, value);
        }
        let mut app = TestApp::spawn(options).await;
        let token = HeaderValue::try_from(format!("Bearer {TOKEN}")).unwrap();
        app.client = http::builder().default_headers(HeaderMap::from_iter([(AUTHORIZATION, token)])).build().unwrap();
        World { app, mail, analytics, delivered: Delivered::default() }
    }

    /// Counts and forgets what was received, and keeps the log short: a test keeps every line.
    pub async fn tidy(&mut self) {
        self.delivered.mails += self.mail.forget();
        self.delivered.events += self.analytics.forget();
        let quiet = json!({"logger": "*", "level": "warning", "for": "1h"});
        let request = self.app.client.put(format!("{}/log-level", self.app.ops_url())).json(&quiet);
        // One look that finds no room is no reason to end.
        let _ = Answer::to(request).await;
    }

    /// Waits until every job is done.
    pub async fn until_delivered(&mut self) -> Delivered {
        crate::common::eventually_within(PATIENCE, "every job is delivered", async || {
            self.unfinished_jobs().await.is_empty().then_some(())
        })
        .await;
        self.tidy().await;
        self.delivered
    }

    async fn unfinished_jobs(&self) -> Vec<String> {
        self.app.database.texts("SELECT topic AS text FROM outbox_jobs WHERE state <> 'delivered'").await
    }

    /// Fails if a user who was told so is not there, or has no welcome or no event.
    pub async fn assert_kept(&self, attempts: &[Attempt]) {
        let emails: HashSet<String> = self.app.database.emails().await.into_iter().collect();
        let acknowledged = attempts.iter().filter(|attempt| attempt.is_accepted());
        let lost: Vec<_> = acknowledged.filter(|attempt| !emails.contains(&attempt.email)).collect();
        assert!(lost.is_empty(), "{} acknowledged users are not there: {lost:?}", lost.len());
        let Delivered { mails, events } = self.delivered;
        let users = emails.len();
        assert_eq!(self.app.database.count("outbox_jobs").await, 2 * users, "two jobs for each user");
        assert!(mails >= users && events >= users, "{mails} mails and {events} events for {users} users");
        let severe: Vec<_> = self.app.logs().into_iter().filter(|line| line["level"] == "critical").collect();
        assert!(severe.is_empty(), "{severe:#?}");
    }
}
