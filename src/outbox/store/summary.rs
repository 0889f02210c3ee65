//! Jobs in summary: how many share a topic, a recipient's domain and a reply, so that hundreds of failures are read as a few.
//!
//! Neither domain nor reply has a column: both are read out of what is there, the payload and the last error, and no more of
//! a person than the domain is ever selected.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Nullable, Text};
use diesel_async::RunQueryDsl;
use time::OffsetDateTime;
use uuid::Uuid;

use super::filter::{Dialect, JobFilter};
use crate::error::Result;
use crate::label::labels;
use crate::store::Db;
use crate::store::query::with_read;
use crate::store::schema::{InstantSql, UuidSql};
use crate::store::types::to_bigint;
use crate::telemetry::metrics::DbOperation;
use crate::values::job::JobState;

labels! {
    /// What jobs of one group have in common, besides their state.
    pub enum GroupBy("by") {
        /// Their topic.
        Topic = "topic",
        /// The domain of their recipient.
        Domain = "domain",
        /// The class of their last failure, and the code of the reply.
        Reply = "reply",
    }
}

/// Jobs that have something in common.
#[derive(Clone, Debug, PartialEq, QueryableByName)]
pub struct Group {
    /// How many they are.
    #[diesel(sql_type = BigInt)]
    pub jobs: i64,
    /// Their state.
    #[diesel(sql_type = Text)]
    pub state: JobState,
    /// Whether they are done without anything sent, since nobody was to get it.
    #[diesel(sql_type = Bool)]
    pub is_withheld: bool,
    /// Their topic, where it is asked for.
    #[diesel(sql_type = Nullable<Text>)]
    pub topic: Option<String>,
    /// The domain of their recipients, where it is asked for and they have any.
    #[diesel(sql_type = Nullable<Text>)]
    pub domain: Option<String>,
    /// Why nothing was sent, or why they failed last, such as `refused_5xx (550)`, where it is asked for and so.
    #[diesel(sql_type = Nullable<Text>)]
    pub reply: Option<String>,
    /// When the oldest was caused.
    #[diesel(sql_type = InstantSql)]
    pub oldest: OffsetDateTime,
    /// One of them.
    #[diesel(sql_type = UuidSql)]
    pub example: Uuid,
}

/// Groups the jobs of a filter by their state and by these, the largest groups first. Of each topic and state no more than
/// the `scan` jobs are looked at that became due last.
///
/// # Errors
/// When the database fails.
pub async fn summary(db: &Db, filter: &JobFilter, by: &[GroupBy], scan: usize, limit: usize) -> Result<Vec<Group>> {
    let statement = statement(Dialect::of(db), filter, by, scan);
    if statement.is_empty() {
        return Ok(Vec::new());
    }
    with_read!(db, DbOperation::OperateJobs, |conn| {
        diesel::sql_query(statement)
            .bind::<Text, _>(filter.domain.as_deref().unwrap_or_default())
            .bind::<Text, _>(filter.pattern())
            .bind::<BigInt, _>(to_bigint(limit))
            .load(conn)
    })
}

/// The names of topics and states are ours, and need no parameters. (On SQLite the first of each parameter must appear in
/// order.)
fn statement(dialect: Dialect, filter: &JobFilter, by: &[GroupBy], scan: usize) -> String {
    let mut looks = Vec::new();
    for topic in &filter.topics {
        for state in filter.states() {
            looks.push(format!(
                "SELECT * FROM (
                     SELECT id, topic, state, created_at, {domain} AS domain, {head} AS reply, {withheld} AS withheld
                     FROM outbox_jobs WHERE topic = '{}' AND state = '{}' ORDER BY run_at DESC LIMIT {}
                 ) AS look",
                topic.as_str(),
                state.as_str(),
                to_bigint(scan),
                domain = dialect.domain(),
                head = dialect.head(),
                withheld = if state == JobState::Delivered { dialect.withheld() } else { "CAST(NULL AS text)" },
            ));
        }
    }
    if looks.is_empty() {
        return String::new();
    }
    let column = |dimension: GroupBy| if by.contains(&dimension) { expression(dimension) } else { "NULL" };
    let groups = ["state", "withheld IS NOT NULL"].into_iter().chain(by.iter().copied().map(expression));
    format!(
        "SELECT count(*) AS jobs, state, withheld IS NOT NULL AS is_withheld, {} AS topic, {} AS domain, {} AS reply,
             min(created_at) AS oldest, {} AS example
         FROM ({}) AS looked
         WHERE ($1 = '' OR domain = $1) AND COALESCE({}, '') || ' ' LIKE $2 ESCAPE '\\'
         GROUP BY {}
         ORDER BY jobs DESC, oldest LIMIT $3",
        typed(column(GroupBy::Topic)),
        typed(column(GroupBy::Domain)),
        typed(column(GroupBy::Reply)),
        dialect.least_id(),
        looks.join(" UNION ALL "),
        expression(GroupBy::Reply),
        groups.collect::<Vec<_>>().join(", "),
    )
}

/// What jobs of a group have in common, of a job that was looked at.
fn expression(dimension: GroupBy) -> &'static str {
    match dimension {
        GroupBy::Topic => "topic",
        GroupBy::Domain => "domain",
        GroupBy::Reply => "COALESCE(withheld, reply)",
    }
}

fn typed(column: &str) -> String {
    format!("CAST({column} AS text)")
}
