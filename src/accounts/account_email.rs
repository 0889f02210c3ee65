//! The topic `account_email`: tells users what happens to their accounts.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::users::User;
use crate::config::OutboxConfig;
use crate::error::ErrorCode;
use crate::label;
use crate::mail::{Mail, MailKind, Mailer};
use crate::outbox::{self, About, NewJob, Topic, TopicSettings};
use crate::telemetry::metrics::ExternalService;
use crate::values::Origin;
use crate::values::job::{Effect, Failure, Job, Reason, Receipt, TopicName};

/// Sends emails about accounts.
pub struct AccountEmail {
    mailer: Arc<Mailer>,
}

/// Whom a job tells what.
#[derive(Serialize, Deserialize)]
pub struct AccountEmailPayload {
    /// The kind of the email.
    pub kind: String,
    /// The address.
    pub email: String,
    /// The name.
    pub full_name: String,
}

impl AccountEmail {
    /// Sends them with this.
    pub fn new(mailer: Arc<Mailer>) -> Self {
        AccountEmail { mailer }
    }

    /// A job that tells a user what happened at this time, to be inserted in the transaction in which it happens.
    pub(super) fn job(kind: MailKind, user: &User, origin: &Origin, at: OffsetDateTime) -> NewJob {
        let (email, full_name) = (user.email.expose().to_owned(), user.full_name.expose().to_owned());
        let payload = AccountEmailPayload { kind: kind.as_str().to_owned(), email, full_name };
        outbox::job::<AccountEmail>(&payload, Some(user.id), origin, at)
    }
}

impl Topic for AccountEmail {
    const ABOUT: About = About {
        name: TopicName::new("account_email"),
        service: ExternalService::Email,
        operation: "send_account_email",
        error: ErrorCode::EmailServiceError,
        failure_line: "Account email failed",
        settings,
    };
    type Payload = AccountEmailPayload;

    async fn deliver(&self, job: &Job, payload: AccountEmailPayload) -> Result<Receipt, Failure> {
        // A newer instance may have caused it, and can deliver it.
        let unknown = || Failure::new(Reason::Payload, Effect::RetryJob, "this version knows no such kind of email");
        let kind = label::parse(&payload.kind).ok_or_else(unknown)?;
        self.mailer.send(&Mail { job, kind, email: &payload.email, full_name: &payload.full_name }).await
    }

    async fn end(&self) {
        self.mailer.end().await;
    }
}

fn settings(config: &OutboxConfig) -> TopicSettings {
    TopicSettings {
        concurrency: config.account_email_concurrency,
        lease: config.account_email_lease,
        retention: config.account_email_retention,
    }
}
