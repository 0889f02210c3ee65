//! All that is stored of a user, for the user: everything but what signs in (the hash of the password, those of the tokens).

mod endpoint;
mod rows;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

pub(super) use self::endpoint::{endpoints, of_oneself};
use self::rows::{CodeTimes, TokenTimes};
use super::actor::Actor;
use super::audit::{self, AuditEntry, AuditFilter};
use super::sessions::Session;
use super::sign_in::{self, Failures};
use super::topics;
use super::users::{self, User};
use crate::error::{Error, Result};
use crate::language::Language;
use crate::outbox::store::{self as outbox, JobRow};
use crate::store::Db;
use crate::values::{Personal, timestamp};

/// The most entries of the audit trail that are exported: of what happened to the user, and of what the user did.
pub const MOST_ENTRIES: usize = 10_000;

/// All that is stored of a user.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Export")]
pub struct Export {
    #[serde(with = "timestamp")]
    #[schemars(with = "timestamp::Moment")]
    exported_at: OffsetDateTime,
    user: ExportedUser,
    sessions: Vec<ExportedSession>,
    /// Wrong passwords in a row.
    wrong_passwords: Option<ExportedFailures>,
    /// The `Idempotency-Key` that the registration came with, for a day.
    registration_key: Option<ExportedKey>,
    /// Codes that emails carried, for a day after they ended.
    codes: Vec<ExportedCode>,
    /// What is still to be done for the user.
    jobs: Vec<ExportedJob>,
    /// What happened to the user, and what the user did: the latest first.
    audit_log: Vec<ExportedEntry>,
    /// Whether the audit trail has more than is here.
    is_cut_off: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
struct ExportedUser {
    id: Uuid,
    email: String,
    /// The address in the form in which it is unique.
    email_key: String,
    full_name: String,
    /// How the password is stored, which nobody can read: the algorithm of its hash.
    password_hash: String,
    is_active: bool,
    role: &'static str,
    #[serde(with = "timestamp")]
    #[schemars(with = "timestamp::Moment")]
    created_at: OffsetDateTime,
    #[serde(with = "timestamp")]
    #[schemars(with = "timestamp::Moment")]
    updated_at: OffsetDateTime,
    #[serde(serialize_with = "timestamp::option::serialize")]
    #[schemars(with = "Option<timestamp::Moment>")]
    email_verified_at: Option<OffsetDateTime>,
    locale: Option<Language>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct ExportedSession {
    id: Uuid,
    #[serde(with = "timestamp")]
    #[schemars(with = "timestamp::Moment")]
    created_at: OffsetDateTime,
    #[serde(with = "timestamp")]
    #[schemars(with = "timestamp::Moment")]
    last_used_at: OffsetDateTime,
    #[serde(with = "timestamp")]
    #[schemars(with = "timestamp::Moment")]
    expires_at: OffsetDateTime,
    client_ip: Option<String>,
    user_agent: Option<String>,
    refresh_tokens: Vec<ExportedToken>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct ExportedToken {
    #[serde(with = "timestamp")]
    #[schemars(with = "timestamp::Moment")]
    created_at: OffsetDateTime,
    #[serde(with = "timestamp")]
    #[schemars(with = "timestamp::Moment")]
    expires_at: OffsetDateTime,
    #[serde(serialize_with = "timestamp::option::serialize")]
    #[schemars(with = "Option<timestamp::Moment>")]
    rotated_at: Option<OffsetDateTime>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct ExportedFailures {
    failures: u32,
    #[serde(with = "timestamp")]
    #[schemars(with = "timestamp::Moment")]
    last_failed_at: OffsetDateTime,
}

#[derive(Debug, Serialize, JsonSchema)]
struct ExportedKey {
    #[serde(with = "timestamp")]
    #[schemars(with = "timestamp::Moment")]
    created_at: OffsetDateTime,
}

/// A code that an email carried, but for what makes it one.
#[derive(Debug, Serialize, JsonSchema)]
struct ExportedCode {
    /// What it was for.
    purpose: String,
    /// The address that it is of.
    email: String,
    #[serde(with = "timestamp")]
    #[schemars(with = "timestamp::Moment")]
    created_at: OffsetDateTime,
    #[serde(with = "timestamp")]
    #[schemars(with = "timestamp::Moment")]
    expires_at: OffsetDateTime,
    #[serde(serialize_with = "timestamp::option::serialize")]
    #[schemars(with = "Option<timestamp::Moment>")]
    used_at: Option<OffsetDateTime>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct ExportedJob {
    id: Uuid,
    topic: String,
    state: &'static str,
    payload: Value,
    #[serde(with = "timestamp")]
    #[schemars(with = "timestamp::Moment")]
    created_at: OffsetDateTime,
    request_id: String,
    last_error: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct ExportedEntry {
    id: Uuid,
    #[serde(with = "timestamp")]
    #[schemars(with = "timestamp::Moment")]
    occurred_at: OffsetDateTime,
    action: String,
    actor: String,
    user_id: Option<Uuid>,
    client_ip: Option<String>,
    request_id: String,
    details: Value,
}

/// Reads all that is stored of a user, and notes in the audit trail that somebody did.
///
/// # Errors
/// [`Error::NotFound`], or when the database fails.
pub async fn export(db: &Db, actor: &Actor, id: Uuid) -> Result<Export> {
    let user = users::find(db, id).await?.ok_or(Error::NotFound)?;
    let tokens = rows::tokens(db, id).await?;
    let sessions =
        rows::sessions(db, id).await?.into_iter().map(|session| exported_session(session, &tokens)).collect();
    let wrong_passwords = sign_in::failures_of(db, id).await?.map(Into::into);
    let registration_key = rows::registration_key(db, id).await?.map(|created_at| ExportedKey { created_at });
    let codes = rows::codes(db, id).await?.into_iter().map(Into::into).collect();
    let mut jobs = outbox::waiting_of_user(db, id, &topics::names()).await?;
    jobs.extend(outbox::waiting_of_address(db, user.email_key.expose(), topics::ACCOUNT_EMAIL).await?);
    let (audit_log, is_cut_off) = trail(db, id).await?;
    let entry = actor.entry("user.exported", id, json!({}));
    let exported_at = entry.occurred_at;
    audit::write(db, entry).await?;
    let jobs = jobs.into_iter().map(Into::into).collect();
    Ok(Export {
        exported_at,
        user: user.into(),
        sessions,
        wrong_passwords,
        registration_key,
        codes,
        jobs,
        audit_log,
        is_cut_off,
    })
}

/// What happened to the user, and what the user did to others or nobody.
async fn trail(db: &Db, id: Uuid) -> Result<(Vec<ExportedEntry>, bool)> {
    let to_user = AuditFilter { user_id: Some(id), ..AuditFilter::default() };
    let by_user = AuditFilter { actor: Some(id.to_string()), ..AuditFilter::default() };
    let mut entries = audit::list(db, &to_user, MOST_ENTRIES + 1).await?;
    let by_user = audit::list(db, &by_user, MOST_ENTRIES + 1).await?;
    let is_cut_off = entries.len() > MOST_ENTRIES || by_user.len() > MOST_ENTRIES;
    entries.extend(by_user.into_iter().filter(|entry| entry.user_id != Some(id)));
    entries.sort_by_key(|entry| std::cmp::Reverse((entry.occurred_at, entry.id)));
    entries.truncate(MOST_ENTRIES);
    Ok((entries.into_iter().map(|entry| exported_entry(entry, id)).collect(), is_cut_off))
}

/// An entry, without the address of somebody else.
fn exported_entry(entry: AuditEntry, id: Uuid) -> ExportedEntry {
    let is_own = entry.actor == id.to_string() || entry.actor == audit::ANONYMOUS;
    ExportedEntry {
        id: entry.id,
        occurred_at: entry.occurred_at,
        action: entry.action,
        actor: entry.actor,
        user_id: entry.user_id,
        client_ip: entry.client_ip.filter(|_| is_own).map(Personal::into_exposed),
        request_id: entry.request_id,
        details: entry.details,
    }
}

fn exported_session(session: Session, tokens: &[TokenTimes]) -> ExportedSession {
    let own = tokens.iter().filter(|token| token.session_id == session.id);
    let refresh_tokens = own.map(|TokenTimes { created_at, expires_at, rotated_at, .. }| ExportedToken {
        created_at: *created_at,
        expires_at: *expires_at,
        rotated_at: *rotated_at,
    });
    ExportedSession {
        id: session.id,
        created_at: session.created_at,
        last_used_at: session.last_used_at,
        expires_at: session.expires_at,
        client_ip: session.client_ip.map(Personal::into_exposed),
        user_agent: session.user_agent.map(Personal::into_exposed),
        refresh_tokens: refresh_tokens.collect(),
    }
}

impl From<User> for ExportedUser {
    fn from(user: User) -> Self {
        ExportedUser {
            id: user.id,
            email: user.email.into_exposed(),
            email_key: user.email_key.into_exposed(),
            full_name: user.full_name.into_exposed(),
            password_hash: algorithm(user.password_hash.expose()).to_owned(),
            is_active: user.is_active,
            role: user.role.as_str(),
            created_at: user.created_at,
            updated_at: user.updated_at,
            email_verified_at: user.email_verified_at,
            locale: user.locale,
        }
    }
}

/// The name of the algorithm in a PHC string, or in a hash of bcrypt.
fn algorithm(hash: &str) -> &str {
    hash.split('$').nth(1).unwrap_or_default()
}

impl From<Failures> for ExportedFailures {
    fn from(Failures { count, last }: Failures) -> Self {
        ExportedFailures { failures: count, last_failed_at: last }
    }
}

impl From<CodeTimes> for ExportedCode {
    fn from(CodeTimes { purpose, email, created_at, expires_at, used_at }: CodeTimes) -> Self {
        ExportedCode { purpose, email: email.into_exposed(), created_at, expires_at, used_at }
    }
}

impl From<JobRow> for ExportedJob {
    fn from(job: JobRow) -> Self {
        ExportedJob {
            id: job.id,
            state: job.state.as_str(),
            payload: job.payload.without_code(),
            created_at: job.created_at,
            topic: job.topic,
            request_id: job.request_id,
            last_error: job.last_error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::algorithm;

    #[test]
    fn of_a_hash_only_its_algorithm_is_told() {
        assert_eq!(algorithm("$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA"), "argon2id");
        assert_eq!(algorithm("$2b$05$ZjYEW8bC0WjG29OXn/MCa.c4Ej6uYOYdTbYn0Dt5vJYnQMcYpWMZC"), "2b");
        assert_eq!(algorithm("nonsense"), "");
    }
}
