//! The topic `welcome_email`: greets a new user.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::config::OutboxConfig;
use crate::error::ErrorCode;
use crate::mail::{Mail, MailKind, Mailer};
use crate::outbox::{About, Topic, TopicSettings};
use crate::telemetry::metrics::ExternalService;
use crate::values::job::{Failure, Job, Receipt, TopicName};

/// Sends welcome emails.
pub struct WelcomeEmail {
    mailer: Arc<Mailer>,
}

/// Whom a job greets.
#[derive(Serialize, Deserialize)]
pub struct NewcomerPayload {
    /// The address.
    pub email: String,
    /// The name.
    pub full_name: String,
}

impl WelcomeEmail {
    /// Sends them with this.
    pub fn new(mailer: Arc<Mailer>) -> Self {
        WelcomeEmail { mailer }
    }
}

impl Topic for WelcomeEmail {
    const ABOUT: About = About {
        name: TopicName::new("welcome_email"),
        service: ExternalService::Email,
        operation: "send_welcome",
        error: ErrorCode::EmailServiceError,
        failure_line: "Welcome email failed but registration continues",
        settings,
    };
    type Payload = NewcomerPayload;

    async fn deliver(&self, job: &Job, payload: NewcomerPayload) -> Result<Receipt, Failure> {
        let kind = MailKind::Welcome;
        self.mailer.send(&Mail { job, kind, email: &payload.email, full_name: &payload.full_name }).await
    }

    async fn end(&self) {
        self.mailer.end().await;
    }
}

fn settings(config: &OutboxConfig) -> TopicSettings {
    TopicSettings {
        concurrency: config.welcome_email_concurrency,
        lease: config.welcome_email_lease,
        retention: config.welcome_email_retention,
    }
}
