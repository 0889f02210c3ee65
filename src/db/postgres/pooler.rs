//! A connection pooler between neodyme and the server, such as PgBouncer, and what is different then: it lends a session
//! of the server for one transaction, so that prepared statements do not stay with ours.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// invalid_sql_statement_name, duplicate_prepared_statement: another session answered.
const SESSIONS_CHANGE: [&str; 2] = ["26000", "42P05"];

/// Whether there is one; the same for all sessions.
#[derive(Clone, Debug, Default)]
pub(super) struct Pooler(Arc<AtomicBool>);

impl Pooler {
    pub(super) fn is_between(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// A statement failed with this code.
    pub(super) fn learn_from(&self, code: &str) {
        if SESSIONS_CHANGE.contains(&code) && !self.0.swap(true, Ordering::Relaxed) {
            log::warn!("a connection pooler is between neodyme and PostgreSQL: statements are not prepared any more");
        }
    }
}
