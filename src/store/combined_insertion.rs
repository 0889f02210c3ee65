//! Many insertions as one statement of PostgreSQL.
//! <https://www.postgresql.org/docs/current/queries-with.html#QUERIES-WITH-MODIFYING>

use diesel::QueryResult;
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};

use super::row::Row;

/// The insertions of these rows.
pub(super) struct CombinedInsertion<'a>(Vec<Box<dyn QueryFragment<Pg> + Send + 'a>>);

impl<'a> CombinedInsertion<'a> {
    pub(super) fn new(rows: &'a [Box<dyn Row>]) -> Self {
        Self(rows.iter().map(|row| row.insertion_on_postgres()).collect())
    }
}
impl QueryFragment<Pg> for CombinedInsertion<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        for (number, insertion) in self.0.iter().enumerate() {
            out.push_sql(if number == 0 { "WITH " } else { ", " });
            out.push_identifier(&format!("row_{number}"))?;
            out.push_sql(" AS (");
            insertion.walk_ast(out.reborrow())?;
            out.push_sql(")");
        }
        out.push_sql(" SELECT");
        Ok(())
    }
}

/// The statement is known by its text.
impl QueryId for CombinedInsertion<'_> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}
