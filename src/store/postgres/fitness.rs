//! What is asked of a server at the start: can it hold every name, and is it alone with us?

use diesel::QueryableByName;
use diesel::sql_types::Text;
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};

use super::pooler::{MARK, TRANSACTION_REFUSED};
use super::{PostgresManager, PostgresServer};
use crate::error::{DbErrorKind, Result};
use crate::store::error::sqlstate_of;
use crate::store::pool::{ConnectionPool, on_lease, with_lease};
use crate::telemetry::metrics::DbOperation;

#[derive(QueryableByName)]
struct Answer {
    #[diesel(sql_type = Text)]
    encoding: String,
    /// Empty if the session's options did not arrive.
    #[diesel(sql_type = Text)]
    mark: String,
    #[diesel(sql_type = Text)]
    statement_timeout: String,
}

impl PostgresServer {
    /// Whether neodyme can work with this server; learns of a pooler between.
    ///
    /// # Errors
    /// What an operator has to change, or the server's failure.
    pub(in crate::store) async fn examine(&self, pool: &ConnectionPool<PostgresManager>) -> Result<()> {
        let question = format!(
            "SELECT current_setting('server_encoding') AS encoding, coalesce(current_setting('{MARK}', true), '') AS mark,
                    current_setting('statement_timeout') AS statement_timeout"
        );
        let answer: Answer = with_lease!(pool, DbOperation::Ping, |conn| diesel::sql_query(question).get_result(conn))?;
        let unsuitable = |what: String| Err(self.origin.fail(DbErrorKind::Unsuitable, what, None));
        if answer.encoding != "UTF8" {
            return unsuitable(format!(
                "its encoding is {}, which cannot hold every name; move to a database made with \
                 CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0",
                answer.encoding
            ));
        }
        if answer.mark.is_empty() {
            self.pooler.found();
        }
        if !self.pooler.is_between() {
            return Ok(());
        }
        if self.has_options {
            return unsuitable(
                "a connection pooler is between, which does not pass on the options in database_url; \
                 take them out, and set them with ALTER ROLE … SET"
                    .into(),
            );
        }
        if !has_transactions(pool).await? {
            return unsuitable(
                "a connection pooler is between, which has no transactions; set its pool_mode to transaction or session"
                    .into(),
            );
        }
        log::warn!(
            "{}: a connection pooler is between. Statements are not prepared, and their limit is that of the role, not \
             database_query_timeout (statement_timeout is {}, 0 is none): set it with ALTER ROLE … SET statement_timeout",
            self.origin,
            answer.statement_timeout
        );
        Ok(())
    }
}

/// Whether a session is ours for a transaction. PgBouncer sees that one is open between two messages, and closes the connection
/// if it is not to be.
async fn has_transactions(pool: &ConnectionPool<PostgresManager>) -> Result<bool> {
    let mut lease = pool.acquire().await?;
    let outcome = on_lease!(lease, DbOperation::Begin, |conn| async {
        conn.batch_execute("BEGIN").await?;
        conn.batch_execute("ROLLBACK").await
    });
    lease.settle(&outcome);
    match outcome {
        Err(error) if sqlstate_of(&error) == Some(TRANSACTION_REFUSED) => Ok(false),
        outcome => outcome.map(|()| true),
    }
}
