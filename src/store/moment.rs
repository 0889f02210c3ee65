//! Points in time, as a database is told them.
//!
//! Instances share one clock, that of the PostgreSQL server: a point in time reaches it as a distance from now. However wrong the
//! clock of an instance is, its leases last as long as they should, and no other instance takes them for ended. SQLite has no
//! clock but that of the process.

use diesel::QueryResult;
use diesel::expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping, is_aggregate};
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::BigInt;
use diesel::sqlite::Sqlite;
use time::OffsetDateTime;

use super::Db;
use super::schema::InstantSql;
use super::types::UtcTime;
use crate::clock;

/// A point in time, for statements that diesel writes.
#[derive(Clone, Copy, Debug, QueryId)]
pub(crate) struct Moment {
    time: UtcTime,
    distance: i64,
}

impl Moment {
    /// This time, as [`clock::now`] counts.
    pub fn of(time: OffsetDateTime) -> Self {
        Moment { time: UtcTime(time), distance: micros(time - clock::now()) }
    }

    /// Now.
    pub fn now() -> Self {
        Moment { time: UtcTime(clock::now()), distance: 0 }
    }
}

impl Expression for Moment {
    type SqlType = InstantSql;
}

impl<From> AppearsOnTable<From> for Moment {}
impl<From> SelectableExpression<From> for Moment {}

impl<GroupBy> ValidGrouping<GroupBy> for Moment {
    type IsAggregate = is_aggregate::Never;
}

impl QueryFragment<Pg> for Moment {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let [before, after] = AROUND_DISTANCE;
        out.push_sql(before);
        out.push_bind_param::<BigInt, _>(&self.distance)?;
        out.push_sql(after);
        Ok(())
    }
}

impl QueryFragment<Sqlite> for Moment {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_bind_param::<InstantSql, _>(&self.time)
    }
}

/// Of a distance in microseconds it makes a time. (`now()` is the start of the transaction, and found in an index.)
const AROUND_DISTANCE: [&str; 2] = ["(now() + ", " * interval '1 microsecond')"];

/// Points in time for a statement that is written out: numbers, and what the database makes of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moments {
    /// The time as it is now.
    pub now: OffsetDateTime,
    /// The database counts from now, by its own clock, instead of from 1970.
    from_now: bool,
}

impl Moments {
    /// Those of this database.
    pub fn of(db: &Db) -> Self {
        match db {
            Db::Sqlite { .. } => Self::of_process(),
            Db::Postgres { .. } => Self::of_server(),
        }
    }

    /// Those of a database without a clock of its own.
    pub fn of_process() -> Self {
        Moments { now: clock::now(), from_now: false }
    }

    /// Those of a server.
    pub fn of_server() -> Self {
        Moments { now: clock::now(), from_now: true }
    }

    /// The number that stands for this time, to be bound as a `BigInt`.
    pub fn number(self, time: OffsetDateTime) -> i64 {
        micros(time - if self.from_now { self.now } else { OffsetDateTime::UNIX_EPOCH })
    }

    /// What is written in a statement for the time that this number stands for.
    pub fn sql(self, number: &str) -> String {
        let [before, after] = AROUND_DISTANCE;
        if self.from_now { format!("{before}{number}{after}") } else { number.to_owned() }
    }
}

fn micros(distance: time::Duration) -> i64 {
    i64::try_from(distance.whole_microseconds()).unwrap_or(i64::MAX)
}
