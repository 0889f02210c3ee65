//! A job as it is stored.

use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql};
use diesel::prelude::*;
use diesel::sql_types::Text;
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::label::parse;
use crate::store::schema::JsonSql;
use crate::store::schema::outbox_jobs;
use crate::store::types::{Json, column};
use crate::values::job::{Age, HandedOver, Job, JobState, Payload, TopicName};

/// Where the payload of a job that is done says why nothing was sent.
pub(super) const WITHHELD: &str = "withheld";

/// A job as it is stored. Times are UTC.
#[derive(Clone, Debug, PartialEq, Queryable, QueryableByName)]
#[diesel(table_name = outbox_jobs)]
pub struct JobRow {
    /// A UUIDv7.
    pub id: Uuid,
    /// What it does.
    pub topic: String,
    /// Where it stands.
    pub state: JobState,
    /// With what; empty once it is delivered, but for [why nothing was sent](JobRow::withheld).
    pub payload: Payload,
    /// For whom.
    pub user_id: Option<Uuid>,
    /// The request that caused it.
    pub request_id: String,
    /// The trace of that request.
    pub traceparent: String,
    /// How often it was tried, the attempt that is running included.
    pub attempts: i32,
    /// When it was caused.
    pub created_at: OffsetDateTime,
    /// When it was, or will be, due.
    pub run_at: OffsetDateTime,
    /// Until when its instance may work on it; only while it runs.
    pub lease_until: Option<OffsetDateTime>,
    /// What that instance proves itself with; only while it runs.
    pub lease_token: Option<Uuid>,
    /// When it was delivered, or died.
    pub finished_at: Option<OffsetDateTime>,
    /// Why the last attempt that failed did.
    pub last_error: Option<String>,
    /// Since when it has failed for its own sake, as long as nobody has it tried anew.
    pub failing_since: Option<OffsetDateTime>,
    /// Attempts that were not answered after everything had been said: what it does may have been done.
    pub unanswered: i32,
}

impl JobRow {
    /// The id of the trace that caused it.
    pub fn trace_id(&self) -> &str {
        self.traceparent.split('-').nth(1).unwrap_or_default()
    }

    /// Why nothing was sent, where it is done and there was nothing to send.
    pub fn withheld(&self) -> Option<&str> {
        let why = self.payload.expose().get(WITHHELD).and_then(Value::as_str);
        why.filter(|_| self.state == JobState::Delivered)
    }

    pub(super) fn into_job(self, topic: TopicName, lease_token: Uuid, claimed_at: OffsetDateTime) -> Job {
        Job {
            id: self.id,
            topic,
            payload: self.payload,
            user_id: self.user_id,
            request_id: self.request_id,
            traceparent: self.traceparent,
            attempt: self.attempts.unsigned_abs(),
            created_at: self.created_at,
            age: Age::new((claimed_at - self.created_at).try_into().unwrap_or_default()),
            lease_token,
            failing_since: self.failing_since,
            handed_over: HandedOver::default(),
        }
    }
}

impl<DB: Backend> FromSql<Text, DB> for JobState
where
    String: FromSql<Text, DB>,
{
    fn from_sql(value: DB::RawValue<'_>) -> deserialize::Result<Self> {
        let text = <String as FromSql<Text, DB>>::from_sql(value)?;
        // One that is unknown here comes from a newer version.
        parse(&text).ok_or_else(|| format!("this version of neodyme does not know {text}").into())
    }
}

column! { JobState: Text }

impl<DB: Backend> FromSql<JsonSql, DB> for Payload
where
    Json: FromSql<JsonSql, DB>,
{
    fn from_sql(value: DB::RawValue<'_>) -> deserialize::Result<Self> {
        Ok(Payload::new(Json::from_sql(value)?.0))
    }
}

column! { Payload: JsonSql }
