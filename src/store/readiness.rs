//! Can a registration be written? To read says nothing of that: a standby, a missing right and a full disk all let read.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use super::query::on_lease;
use super::rows::{Rows, Together};
use super::{Db, SqliteFile};
use crate::accounts::audit::NewAuditEntry;
use crate::accounts::users::NewUser;
use crate::error::{DbErrorKind, Error, Result};
use crate::outbox::{NewJob, Topic};
use crate::telemetry::metrics::DbOperation;

/// A write that succeeded speaks for the next one for this long.
const CONVINCES_FOR: Duration = Duration::from_secs(5);

/// When rows were last written, unless it has failed since.
#[derive(Clone, Debug, Default)]
pub struct LastWrite(Arc<Mutex<Option<Instant>>>);

impl LastWrite {
    /// What came of a write. A refused change says nothing of the database.
    pub(super) fn note(&self, outcome: &Result<()>) {
        let written = match outcome {
            Ok(()) => Some(Instant::now()),
            Err(Error::Database { kind, .. }) if *kind != DbErrorKind::Constraint => None,
            Err(_) => return,
        };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = written;
    }

    fn was_within(&self, time: Duration) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_some_and(|written| written.elapsed() < time)
    }
}

/// A transaction on a connection of this pool. Where it fails, it may still be open: the connection is closed.
macro_rules! rehearse_with {
    ($pool:expr, |$conn:ident| $work:block) => {{
        let mut lease = $pool.acquire().await?;
        let outcome = on_lease!(lease, DbOperation::Rehearse, |$conn| async { $work });
        match &outcome {
            Ok(()) => lease.settle(&outcome),
            Err(error) => lease.abandon(error),
        }
        outcome
    }};
}
impl Db {
    /// Whether a registration can be written, now: the database answers, and a registration was written of late, or one
    /// that nobody asked for can be written and taken back.
    ///
    /// # Errors
    /// What a registration would fail with.
    pub async fn check(&self) -> Result<()> {
        let began = Instant::now();
        if let Db::Sqlite { writer, reader, file, .. } = self
            && is_replaced(file).await
        {
            // What is written through them is written into a file that nobody will find.
            writer.retire();
            reader.retire();
        }
        self.ping().await.inspect_err(|error| self.let_go(error))?;
        if self.last_write().was_within(CONVINCES_FOR) {
            return Ok(());
        }
        let outcome = self.rehearse().await.inspect_err(|error| self.let_go(error));
        // A rehearsal that waits in vain behind registrations that are written is no outage.
        if outcome.is_err() && self.last_write().was_within(began.elapsed()) {
            return Ok(());
        }
        self.last_write().note(&outcome);
        outcome
    }

    /// Connections share what SQLite found when it opened the files, until the last one is closed: as long as one stays, all
    /// new ones are as read-only as it is.
    fn let_go(&self, error: &Error) {
        let Error::Database { kind: DbErrorKind::ReadOnly | DbErrorKind::Permission, .. } = error else { return };
        if let Db::Sqlite { writer, reader, .. } = self {
            writer.retire();
            reader.retire();
        }
    }

    pub(super) fn last_write(&self) -> &LastWrite {
        match self {
            Db::Sqlite { last_write, .. } | Db::Postgres { last_write, .. } => last_write,
        }
    }

    /// Writes what a registration writes, and takes it back. A file gets all of it and a commit: what is not committed
    /// does not reach the disk. A server is spared that.
    async fn rehearse(&self) -> Result<()> {
        let rows = rows_of_nobody();
        match self {
            Db::Sqlite { writer, .. } => rehearse_with!(writer, |conn| {
                conn.batch_execute("BEGIN IMMEDIATE").await?;
                rows.insert_each(conn).await?;
                rows.delete_each(conn).await?;
                conn.batch_execute("COMMIT").await
            }),
            Db::Postgres { pool, .. } => rehearse_with!(pool, |conn| {
                conn.batch_execute("BEGIN").await?;
                Together::new(&rows).execute(conn).await?;
                conn.batch_execute("ROLLBACK").await
            }),
        }
    }
}

async fn is_replaced(file: &SqliteFile) -> bool {
    let file = file.clone();
    tokio::task::spawn_blocking(move || file.is_replaced()).await.unwrap_or(false)
}

/// A registration that cannot be anybody's: its address is none.
fn rows_of_nobody() -> Rows {
    let (id, now) = (Uuid::now_v7(), OffsetDateTime::now_utc());
    let name = format!("rehearsal {id}");
    let user = NewUser {
        id,
        email: name.clone(),
        email_key: name.clone(),
        full_name: name.clone(),
        password_hash: name.clone(),
        is_active: false,
        created_at: now,
        updated_at: now,
        email_verified_at: None,
    };
    let entry = NewAuditEntry {
        id: Uuid::now_v7(),
        occurred_at: now,
        action: "rehearsal".to_owned(),
        actor: "neodyme".to_owned(),
        user_id: Some(id),
        client_ip: None,
        request_id: name.clone(),
        trace_id: name.clone(),
        details: Value::Null,
    };
    let job = NewJob {
        id: Uuid::now_v7(),
        topic: Topic::WelcomeEmail,
        payload: Value::Null,
        user_id: Some(id),
        request_id: name.clone(),
        traceparent: name,
        created_at: now,
    };
    Rows { users: vec![user], audit: vec![entry], jobs: vec![job] }
}
