//! What an email needs before it can be sent that carries a code.

use std::net::IpAddr;
use std::time::Duration;

use futures_util::FutureExt;
use serde_json::json;
use uuid::Uuid;

use super::code::Code;
use super::emails::{self, CodeEmailRow};
use super::table::{self, CodeRow, Issued};
use crate::accounts::audit::{ANONYMOUS, AuditEntry};
use crate::accounts::sessions;
use crate::accounts::users::{self, User};
use crate::clock;
use crate::config::CodesConfig;
use crate::error::Result;
use crate::language::Language;
use crate::outbox;
use crate::password::PasswordHash;
use crate::sealing::HASH_BYTES;
use crate::store::types::to_micros;
use crate::store::{Db, Transaction};
use crate::telemetry::logging::{LoggerName, Loggers, context, info};
use crate::telemetry::metrics::{self, CodeEvent, CodePurpose};
use crate::tokens::Caller;
use crate::values::job::{Effect, Failure, Job, Reason};
use crate::values::{Email, Origin, Personal};

/// Lets codes be good for something, as their emails are sent.
#[derive(Clone)]
pub struct Issuer {
    db: Db,
    config: CodesConfig,
    /// What addresses are counted under.
    key: [u8; 32],
    loggers: Loggers,
}

/// A code that is to be good for something.
pub struct Order<'a> {
    /// For what.
    pub purpose: CodePurpose,
    /// The code.
    pub code: &'a str,
    /// The address that it is to be of.
    pub email: &'a str,
    /// Whether the email tells of what somebody else did, which it does once an hour.
    pub is_notice: bool,
    /// The session that asked for it, where it is good for nothing without.
    pub session_id: Option<Uuid>,
    /// The client that asked for it, where that is known.
    pub client_ip: Option<IpAddr>,
}

/// An email with a code that is good for something.
pub struct Ready {
    /// Whom it goes to.
    pub email: Personal,
    /// The user's name.
    pub full_name: Personal,
    /// What the user is written to in, where that is known.
    pub locale: Option<Language>,
    /// How long the code can be used.
    pub lifetime: Duration,
}

/// What a code is to be for, and of which address.
#[derive(Clone)]
struct Wanted {
    purpose: CodePurpose,
    hash: [u8; HASH_BYTES],
    address_hash: [u8; HASH_BYTES],
    email: Email,
    lifetime: Duration,
    per_address: usize,
    /// Whether somebody asked for it, and whoever asks for many gets few.
    is_asked: bool,
    is_notice: bool,
    session_id: Option<Uuid>,
    client_ip: Option<IpAddr>,
}

impl Wanted {
    /// What emails to the address it counts with: who asks for another password keeps no notice away.
    fn counted_with(&self) -> &'static str {
        if self.is_notice { "notice" } else { self.purpose.as_str() }
    }

    /// Whether whoever caused it may have caused too many: not what tells an owner of a change.
    fn is_counted(&self) -> bool {
        self.is_asked || self.is_notice || self.purpose == CodePurpose::VerifyEmail
    }
}

impl Issuer {
    /// Keeps codes in this database, and counts addresses under their hash with this key.
    pub fn new(db: Db, config: CodesConfig, key: [u8; 32], loggers: Loggers) -> Self {
        Issuer { db, config, key, loggers }
    }

    /// How long a code for this can be used.
    pub fn lifetime(&self, purpose: CodePurpose) -> Duration {
        lifetime(&self.config, purpose)
    }

    /// Lets a code be good for this, if there is somebody whom it can be sent to. Whom a job names as its user is who it is for;
    /// where it names nobody, whose address it is. The inner error is why there is nobody.
    ///
    /// # Errors
    /// When the address is none, or the database fails.
    pub async fn issue(
        &self,
        job: &Job,
        Order { purpose, code, email, is_notice, session_id, client_ip }: &Order<'_>,
    ) -> std::result::Result<std::result::Result<Ready, &'static str>, Failure> {
        let email = Email::parse(email)
            .map_err(|fault| Failure::unreadable(&format!("its address is not valid ({})", fault.code)))?;
        let code = Code::parse(code)
            .map_err(|fault| Failure::unreadable(&format!("its code cannot be one ({})", fault.code)))?;
        let wanted = Wanted {
            purpose: *purpose,
            hash: code.hash(),
            address_hash: users::address_hash(&self.key, email.key()),
            email,
            lifetime: self.lifetime(*purpose),
            per_address: if *is_notice { 1 } else { self.config.emails_per_address },
            is_asked: job.user_id.is_none() || *purpose == CodePurpose::ChangeEmail,
            is_notice: *is_notice,
            session_id: *session_id,
            client_ip: *client_ip,
        };
        let issued = self.try_to_issue(job, wanted).await;
        let issued = issued.map_err(|error| Failure::new(Reason::Payload, Effect::RetryJob, error))?;
        Ok(issued.inspect_err(|why| self.tell_withheld(job, *purpose, why)))
    }

    /// The inner error is why there is none.
    async fn try_to_issue(&self, job: &Job, wanted: Wanted) -> Result<std::result::Result<Ready, &'static str>> {
        let user_id = match job.user_id {
            Some(id) => Some(id),
            None => users::find_by_key(&self.db, wanted.email.key()).await?.map(|user| user.id),
        };
        let Some(user_id) = user_id else { return Ok(Err("nobody has this address")) };
        if wanted.purpose == CodePurpose::ChangeEmail
            && users::email_exists(&self.db, wanted.email.key(), Some(user_id)).await?
        {
            return Ok(Err("somebody has this address"));
        }
        let (purpose, entry) = (wanted.purpose, entry(job, &wanted, user_id));
        let work = self.db.transaction(move |tx| issue_to(tx, user_id, wanted, entry).boxed());
        let issued = work.await?;
        if let Ok((_, true)) = issued {
            metrics::email_code(purpose, CodeEvent::Issued);
        }
        Ok(issued.map(|(ready, _)| ready))
    }

    fn tell_withheld(&self, job: &Job, purpose: CodePurpose, why: &str) {
        metrics::email_code(purpose, CodeEvent::Withheld);
        let log = outbox::logger(job, LoggerName::UserService, &self.loggers);
        let details = context(json!({ "purpose": purpose.as_str(), "job_id": job.id, "why": why }));
        info!(log, "Code withheld"; "context" => details);
    }
}

/// How long a code for this can be used.
pub fn lifetime(config: &CodesConfig, purpose: CodePurpose) -> Duration {
    match purpose {
        CodePurpose::VerifyEmail => config.verification_lifetime,
        CodePurpose::ResetPassword => config.reset_lifetime,
        CodePurpose::ChangeEmail => config.change_lifetime,
        CodePurpose::UndoEmailChange => config.undo_lifetime,
    }
}

/// What the audit trail has of it: that somebody asked, where nobody had said who it is.
fn entry(job: &Job, wanted: &Wanted, user_id: Uuid) -> Option<AuditEntry> {
    let action = match wanted.purpose {
        _ if wanted.is_notice => "user.registered_again",
        CodePurpose::ResetPassword if wanted.is_asked => "user.password_reset_requested",
        CodePurpose::VerifyEmail if wanted.is_asked => "user.verification_requested",
        _ => return None,
    };
    let origin = Origin { client_ip: wanted.client_ip, ..job.origin() };
    Some(AuditEntry::new(action, ANONYMOUS, user_id, &origin, to_micros(clock::now())))
}

async fn issue_to(
    tx: &mut Transaction,
    user_id: Uuid,
    wanted: Wanted,
    entry: Option<AuditEntry>,
) -> Result<std::result::Result<(Ready, bool), &'static str>> {
    let Some(user) = users::find_to_change(tx, user_id).await? else { return Ok(Err("the user is gone")) };
    if let Some(why) = why_not(&user, &wanted) {
        return Ok(Err(why));
    }
    // Whoever ended the session may have done so since somebody else asked.
    if let Some(session_id) = wanted.session_id
        && !sessions::goes_on(tx, Caller { user_id, session_id }).await?
    {
        return Ok(Err("the session that asked for it has ended"));
    }
    // A welcome goes where the address was given; all else to the address as its user writes it.
    let email = match wanted.purpose {
        CodePurpose::ChangeEmail => wanted.email.expose().into(),
        _ => user.email.clone(),
    };
    let row = CodeRow {
        hash: wanted.hash,
        purpose: wanted.purpose,
        user_id,
        email: email.clone(),
        email_key: wanted.email.key().into(),
        session_id: wanted.session_id,
        lifetime: wanted.lifetime,
    };
    // Who registered first may be a stranger, whose password would be verified with the address, by the code of this welcome or of
    // a later email: it opens nothing any more, and the owner chooses another one. So it is where the notice is withheld as well.
    if wanted.is_notice && user.email_verified_at.is_none() {
        users::set_password(tx, user_id, &PasswordHash::of_nobody(user.password_hash.expose())?).await?;
        table::spend_all_but(tx, user_id, CodePurpose::VerifyEmail, &wanted.hash).await?;
    }
    let counted = CodeEmailRow { code_hash: row.hash, kind: wanted.counted_with(), address_hash: wanted.address_hash };
    if wanted.is_counted() {
        let of_user = if wanted.is_asked && !wanted.is_notice { table::count_of_late(tx, &row).await? } else { 0 };
        if emails::count_of_late(tx, &counted).await?.max(of_user) >= wanted.per_address {
            return Ok(Err("too many were asked for within an hour"));
        }
    }
    let is_new = match table::issue(tx, &row).await? {
        Issued::Spent => return Ok(Err("it was used, or another one was asked for since")),
        issued => issued == Issued::New,
    };
    if is_new {
        emails::note(tx, &counted).await?;
    }
    // The last one asked for counts. Whoever opens the welcome after it was sent again is verified as well.
    if is_new && wanted.purpose != CodePurpose::VerifyEmail {
        table::spend_all_but(tx, user_id, wanted.purpose, &wanted.hash).await?;
    }
    entry.filter(|_| is_new).into_iter().for_each(|entry| tx.insert(entry));
    let (full_name, locale, lifetime) = (user.full_name, user.locale, wanted.lifetime);
    Ok(Ok((Ready { email, full_name, locale, lifetime }, is_new)))
}

fn why_not(user: &User, wanted: &Wanted) -> Option<&'static str> {
    let is_same = user.email_key.expose() == wanted.email.key();
    match wanted.purpose {
        _ if !user.is_active => Some("the user is switched off"),
        CodePurpose::ChangeEmail if user.email.expose() == wanted.email.expose() => {
            Some("it is the user's address already")
        }
        CodePurpose::ChangeEmail => None,
        _ if !is_same => Some("the user has another address"),
        CodePurpose::VerifyEmail if user.email_verified_at.is_some() => Some("the address is verified"),
        _ => None,
    }
}
