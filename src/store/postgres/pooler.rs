//! A connection pooler between neodyme and the server, such as PgBouncer, and what is different then: it lends a session
//! of the server for one transaction, so that neither options nor prepared statements stay with ours.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// An option without effect. Where the server does not know it, options get lost on the way.
pub(super) const MARK: &str = "neodyme.session";

/// protocol_violation: what PgBouncer says of options.
const OPTIONS_REFUSED: &str = "08P01";
/// protocol_violation: what PgBouncer says to a transaction where it lends sessions for one statement.
pub(super) const TRANSACTION_REFUSED: &str = OPTIONS_REFUSED;
/// invalid_sql_statement_name, duplicate_prepared_statement: another session answered.
const SESSIONS_CHANGE: [&str; 2] = ["26000", "42P05"];

/// Whether there is one; the same for all sessions.
#[derive(Clone, Debug, Default)]
pub(super) struct Pooler(Arc<AtomicBool>);

impl Pooler {
    pub(super) fn is_between(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// There is one. Says whether that is news.
    pub(super) fn found(&self) -> bool {
        !self.0.swap(true, Ordering::Relaxed)
    }

    /// Whether a session that was refused with this code is worth another try, without options.
    pub(super) fn refuses_options(&self, code: &str) -> bool {
        code == OPTIONS_REFUSED && self.found()
    }

    /// A statement failed with this code.
    pub(super) fn learn_from(&self, code: &str) {
        if SESSIONS_CHANGE.contains(&code) && self.found() {
            log::warn!("a connection pooler is between neodyme and PostgreSQL: statements are not prepared any more");
        }
    }
}
