//! The database and its pool of connections.

use std::time::Duration;

use prometheus::{Gauge, Histogram};

use super::asked::Asked;
use super::declare::{CounterBy, GaugeBy, HistogramBy, metrics};
use super::registry::INTERNAL;
use crate::error::DbErrorKind;
use crate::label::labels;

labels! {
    /// What is asked of the database.
    pub enum DbOperation("operation") {
        /// Is it there? And what is asked at the start, or of the schema.
        Ping = "ping",
        /// Is an address registered?
        EmailExists = "email_exists",
        /// Opens a transaction.
        Begin = "begin",
        /// Writes a user, its audit entry and its jobs; on PostgreSQL with the commit.
        InsertRows = "insert_rows",
        /// Makes a transaction durable.
        Commit = "commit",
        /// Sets, or lets go, a point within transactions that share a commit.
        Savepoint = "savepoint",
        /// Takes a transaction back.
        Rollback = "rollback",
        /// Writes what a registration writes, and takes it back.
        Rehearse = "rehearse",
        /// Counts the users.
        CountUsers = "count_users",
        /// Reads a user.
        FindUser = "find_user",
        /// Changes a user, or deletes one.
        ChangeUser = "change_user",
        /// Reads or changes sessions, or their refresh tokens.
        Sessions = "sessions",
        /// Reads or counts wrong passwords.
        LoginFailures = "login_failures",
        /// Reads or changes the codes that emails carry.
        Codes = "codes",
        /// Reads or changes the keys that sign.
        SigningKeys = "signing_keys",
        /// Reads audit rows.
        ListAudit = "list_audit",
        /// Takes addresses out of audit rows.
        ChangeAudit = "change_audit",
        /// Claims jobs.
        ClaimJobs = "claim_jobs",
        /// Writes down how an attempt ended.
        SettleJobs = "settle_jobs",
        /// Makes jobs that have backed off due.
        ReleaseJobs = "release_jobs",
        /// Counts the jobs.
        CountJobs = "count_jobs",
        /// Empties the log of a SQLite database, so that nothing is left of a user who was erased.
        Checkpoint = "checkpoint",
        /// Deletes what was kept for long enough.
        Prune = "prune",
        /// Reads or changes jobs for an operator.
        OperateJobs = "operate_jobs",
    }
}

labels! {
    /// What a pooled connection does.
    pub enum ConnectionState("state") {
        /// It waits for work.
        Idle = "idle",
        /// It works.
        InUse = "in_use",
    }
}

/// The state of the pool of connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolStatus {
    /// Connections that wait for work.
    pub idle: usize,
    /// Connections that work.
    pub in_use: usize,
    /// The most connections there may be.
    pub max: usize,
    /// Callers that wait for a connection.
    pub waiters: usize,
}

metrics! { init;
    CONNECTIONS: GaugeBy<ConnectionState> = "db_pool_connections", "Database connections, by state.";
    MAX: Gauge = "db_pool_max_connections", "The most database connections there may be.";
    WAITERS: Gauge = "db_pool_waiters", "Callers that wait for a database connection.";
    WAIT: Histogram = "db_pool_wait_seconds" in INTERNAL, "Time a caller waited for a database connection.";
    QUERIES: HistogramBy<DbOperation> = "db_query_duration_seconds" in INTERNAL, "Time of a database operation that succeeded or failed, without the wait for a connection.";
    FAILED: CounterBy<DbOperation> = "db_query_errors_total", "Database operations that failed.";
    ERRORS: CounterBy<DbErrorKind> = "db_errors_total", "Database failures, by kind.";
}

/// The pool's state, as of now.
pub fn db_pool(status: PoolStatus) {
    CONNECTIONS.at(ConnectionState::Idle).set(status.idle as f64);
    CONNECTIONS.at(ConnectionState::InUse).set(status.in_use as f64);
    MAX.set(status.max as f64);
    WAITERS.set(status.waiters as f64);
}

/// A caller got a connection, or gave up.
pub fn db_pool_wait(waited: Duration) {
    WAIT.observe(waited.as_secs_f64());
}

/// A database operation ended.
pub fn db_query(operation: DbOperation, ok: bool, took: Duration) {
    QUERIES.at(operation).observe(took.as_secs_f64());
    if !ok {
        FAILED.at(operation).inc();
    }
}

/// The database failed.
pub fn db_error(kind: DbErrorKind) {
    ERRORS.at(kind).inc();
}

/// What was asked of the database. That it refused a change by a constraint is an answer.
pub(super) fn asked() -> Asked {
    let times = DbOperation::ALL.iter().map(|operation| QUERIES.at(*operation).get_sample_count()).sum::<u64>();
    let is_failure = |kind: &&DbErrorKind| **kind != DbErrorKind::Constraint;
    let failed = DbErrorKind::ALL.iter().filter(is_failure).map(|kind| ERRORS.at(*kind).get()).sum();
    // Without a connection there is a failure and no operation.
    Asked { times: times.max(failed), failed }
}
