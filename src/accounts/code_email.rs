//! Somebody asks for an email with a code, and says whose address it is for.

use serde_json::json;

use super::account_email::AccountEmail;
use crate::clock;
use crate::error::Result;
use crate::http::Context;
use crate::mail::MailKind;
use crate::state::App;
use crate::store::types::to_micros;
use crate::telemetry::logging::{LoggerName, context, info};
use crate::telemetry::metrics::{self, CodeEvent, CodePurpose};
use crate::values::Email;

/// An email with a code that is asked for.
pub struct CodeEmail<'a> {
    /// What it tells.
    pub kind: MailKind,
    /// What its code is for.
    pub purpose: CodePurpose,
    /// The address that somebody gave.
    pub email: &'a Email,
}

impl CodeEmail<'_> {
    /// Puts it into the outbox: the same work whether or not there is such a user, who is looked up when it is sent.
    ///
    /// # Errors
    /// When the system gives no random numbers, or the database fails.
    pub async fn order(&self, app: &App, request: &Context) -> Result<()> {
        let CodeEmail { kind, purpose, email } = self;
        request.set_address(email.key());
        request.enter_step("request_code");
        let job = AccountEmail::asked(*kind, email, None, &request.origin(), to_micros(clock::now()))?;
        {
            let _turn = app.db.turn(request.client).await?;
            app.db.insert(job.clone()).await?;
        }
        metrics::email_code(*purpose, CodeEvent::Asked);
        let shown = if app.config.log.full_emails { email.expose().to_owned() } else { email.masked() };
        let details = json!({
            "purpose": purpose.as_str(), "email": shown, "client_ip": request.client_ip, "job_id": job.id,
        });
        app.outbox.committed(&[job]);
        info!(request.logger(LoggerName::UserService), "Code asked for"; "context" => context(details));
        Ok(())
    }
}
