//! The topic `welcome_email`: greets a new user.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::accounts::codes::{Issuer, Order};
use crate::config::OutboxConfig;
use crate::error::ErrorCode;
use crate::language::Language;
use crate::mail::{Mail, MailCode, MailKind, Mailer};
use crate::outbox::{About, Topic, TopicSettings};
use crate::telemetry::metrics::{CodePurpose, ExternalService};
use crate::values::job::{Failure, Job, Receipt, TopicName};

/// Sends welcome emails.
pub struct WelcomeEmail {
    mailer: Arc<Mailer>,
    issuer: Issuer,
}

/// Whom a job greets.
#[derive(Serialize, Deserialize)]
pub struct NewcomerPayload {
    /// The address.
    pub email: String,
    /// The name.
    pub full_name: String,
    /// What the user is written to in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<Language>,
    /// The code that verifies the address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

impl WelcomeEmail {
    /// Sends them with this, and lets their codes be good for something.
    pub fn new(mailer: Arc<Mailer>, issuer: Issuer) -> Self {
        WelcomeEmail { mailer, issuer }
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
        let NewcomerPayload { email, full_name, locale, code } = &payload;
        let ready = match code {
            Some(code) => {
                let order = Order {
                    purpose: CodePurpose::VerifyEmail,
                    code,
                    email,
                    is_notice: false,
                    session_id: None,
                    client_ip: None,
                };
                self.issuer.issue(job, &order).await?.ok()
            }
            None => None,
        };
        // Who needs no code, or none any more, is welcome without.
        let code = code.as_deref().zip(ready).map(|(text, ready)| MailCode { text, lifetime: ready.lifetime });
        let language = locale.as_ref();
        self.mailer.send(&Mail { job, kind: MailKind::Welcome, email, full_name, language, code }).await
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
