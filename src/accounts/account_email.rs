//! The topic `account_email`: tells users what happens to their accounts.

use std::net::IpAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use super::codes::{Code, Issuer, Order};
use super::users::User;
use crate::config::OutboxConfig;
use crate::error::{ErrorCode, Result};
use crate::label;
use crate::language::Language;
use crate::mail::{Mail, MailCode, MailKind, Mailer};
use crate::outbox::{self, About, NewJob, Topic, TopicSettings};
use crate::telemetry::metrics::{CodePurpose, ExternalService};
use crate::tokens::Caller;
use crate::values::job::{Effect, Failure, Job, Reason, Receipt, TopicName};
use crate::values::{Email, Origin};

/// Sends emails about accounts.
pub struct AccountEmail {
    mailer: Arc<Mailer>,
    issuer: Issuer,
}

/// Whom a job tells what.
#[derive(Serialize, Deserialize)]
pub struct AccountEmailPayload {
    /// The kind of the email.
    pub kind: String,
    /// The address.
    pub email: String,
    /// The address in the form in which it is unique, where the job names nobody: who erases the user finds it by that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email_key: Option<String>,
    /// The name; empty where it is not known yet.
    pub full_name: String,
    /// What the user is written to in; of a job that looks up whose address it is, that is looked up as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<Language>,
    /// The code that it carries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The session without which its code is good for nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<Uuid>,
    /// The client that asked for it, where the job names nobody: the audit trail tells it when the email is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_ip: Option<IpAddr>,
}

impl AccountEmail {
    /// Sends them with this, and lets their codes be good for something.
    pub fn new(mailer: Arc<Mailer>, issuer: Issuer) -> Self {
        AccountEmail { mailer, issuer }
    }

    /// A job that tells a user what happened at this time, to be inserted in the transaction in which it happens.
    pub(super) fn job(kind: MailKind, user: &User, origin: &Origin, at: OffsetDateTime) -> NewJob {
        Self::job_with(kind, user, None, origin, at)
    }

    /// The same, with a code that is good for something already.
    pub(super) fn job_with(
        kind: MailKind,
        user: &User,
        code: Option<&Code>,
        origin: &Origin,
        at: OffsetDateTime,
    ) -> NewJob {
        let (email, full_name) = (user.email.expose().to_owned(), user.full_name.expose().to_owned());
        let code = code.map(|code| code.expose().to_owned());
        let payload = AccountEmailPayload {
            kind: kind.as_str().to_owned(),
            email,
            email_key: None,
            full_name,
            locale: user.locale.clone(),
            code,
            session_id: None,
            client_ip: None,
        };
        outbox::job::<AccountEmail>(&payload, Some(user.id), origin, at)
    }

    /// A job that sends a code to an address, if it is somebody's: whose, is looked up when it is sent. Whoever asks in a session
    /// is who it is for, as long as that goes on.
    pub(super) fn asked(
        kind: MailKind,
        email: &Email,
        asker: Option<Caller>,
        origin: &Origin,
        at: OffsetDateTime,
    ) -> Result<NewJob> {
        let code = Some(Code::generate()?.expose().to_owned());
        let email_key = asker.is_none().then(|| email.key().to_owned());
        let (email, full_name) = (email.expose().to_owned(), String::new());
        let session_id = asker.map(|asker| asker.session_id);
        let client_ip = origin.client_ip.filter(|_| asker.is_none());
        let (kind, locale) = (kind.as_str().to_owned(), None);
        let payload = AccountEmailPayload { kind, email, email_key, full_name, locale, code, session_id, client_ip };
        Ok(outbox::job::<AccountEmail>(&payload, asker.map(|asker| asker.user_id), origin, at))
    }

    /// Sends an email whose code is good for something from now on, if there is somebody to send it to.
    async fn send_with_code(
        &self,
        job: &Job,
        kind: MailKind,
        purpose: CodePurpose,
        AccountEmailPayload { email, code, session_id, client_ip, .. }: AccountEmailPayload,
    ) -> std::result::Result<Receipt, Failure> {
        let code = code.ok_or_else(|| Failure::unreadable("it has no code"))?;
        let is_notice = kind == MailKind::AddressTaken;
        let order = Order { purpose, code: &code, email: &email, is_notice, session_id, client_ip };
        let ready = match self.issuer.issue(job, &order).await? {
            Ok(ready) => ready,
            Err(why) => return Ok(Receipt { code: None, withheld: Some(why) }),
        };
        let (email, full_name) = (ready.email.expose(), ready.full_name.expose());
        let code = Some(MailCode { text: &code, lifetime: ready.lifetime });
        self.mailer.send(&Mail { job, kind, email, full_name, language: ready.locale.as_ref(), code }).await
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

    async fn deliver(&self, job: &Job, payload: AccountEmailPayload) -> std::result::Result<Receipt, Failure> {
        // A newer instance may have caused it, and can deliver it.
        let unknown = || Failure::new(Reason::Payload, Effect::RetryJob, "this version knows no such kind of email");
        let kind: MailKind = label::parse(&payload.kind).ok_or_else(unknown)?;
        let code = match kind.purpose() {
            // It is good for something since the address was changed.
            Some(purpose @ CodePurpose::UndoEmailChange) => {
                let lifetime = self.issuer.lifetime(purpose);
                payload.code.as_deref().map(|text| MailCode { text, lifetime })
            }
            Some(purpose) => return self.send_with_code(job, kind, purpose, payload).await,
            None => None,
        };
        let AccountEmailPayload { email, full_name, locale, .. } = &payload;
        self.mailer.send(&Mail { job, kind, email, full_name, language: locale.as_ref(), code }).await
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
