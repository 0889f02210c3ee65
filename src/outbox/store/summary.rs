//! Jobs in summary: how many share a topic, a recipient's domain and a reply, so that hundreds of failures are read as a few.
//!
//! Neither domain nor reply has a column: both are read out of what is there, the payload and the last error, and no more of
//! a person than the domain is ever selected.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};
use diesel_async::RunQueryDsl;
use time::OffsetDateTime;
use uuid::Uuid;

use super::operate::JobFilter;
use crate::error::Result;
use crate::label::{labels, parse};
use crate::store::Db;
use crate::store::query::with_read;
use crate::store::schema::{InstantSql, UuidSql};
use crate::store::types::to_bigint;
use crate::telemetry::metrics::DbOperation;
use crate::values::job::{JobState, Reason};

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
    /// Their topic, where it is asked for.
    #[diesel(sql_type = Nullable<Text>)]
    pub topic: Option<String>,
    /// The domain of their recipients, where it is asked for and they have any.
    #[diesel(sql_type = Nullable<Text>)]
    pub domain: Option<String>,
    /// Why they failed last, such as `refused_5xx (550)`, where it is asked for and they have failed.
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
                     SELECT id, topic, state, created_at, {domain} AS domain, {head} AS reply
                     FROM outbox_jobs WHERE topic = '{}' AND state = '{}' ORDER BY run_at DESC LIMIT {}
                 ) AS look",
                topic.as_str(),
                state.as_str(),
                to_bigint(scan),
                domain = dialect.domain(),
                head = dialect.head(),
            ));
        }
    }
    if looks.is_empty() {
        return String::new();
    }
    let column = |dimension: GroupBy| if by.contains(&dimension) { dimension.as_str() } else { "NULL" };
    let groups: Vec<_> = std::iter::once("state").chain(by.iter().map(|dimension| dimension.as_str())).collect();
    format!(
        "SELECT count(*) AS jobs, state, {} AS topic, {} AS domain, {} AS reply, min(created_at) AS oldest, {} AS example
         FROM ({}) AS looked
         WHERE ($1 = '' OR domain = $1) AND COALESCE(reply, '') || ' ' LIKE $2 ESCAPE '\\'
         GROUP BY {}
         ORDER BY jobs DESC, oldest LIMIT $3",
        typed(column(GroupBy::Topic)),
        typed(column(GroupBy::Domain)),
        typed(column(GroupBy::Reply)),
        dialect.least_id(),
        looks.join(" UNION ALL "),
        groups.join(", "),
    )
}

fn typed(column: &str) -> String {
    format!("CAST({column} AS text)")
}

/// The words of a database for what SQL has no common ones for.
#[derive(Clone, Copy)]
pub(super) enum Dialect {
    Sqlite,
    Postgres,
}

impl Dialect {
    pub(super) fn of(db: &Db) -> Self {
        match db {
            Db::Sqlite { .. } => Dialect::Sqlite,
            Db::Postgres { .. } => Dialect::Postgres,
        }
    }

    /// The domain of the recipient: what is behind the last `@`.
    pub(super) fn domain(self) -> &'static str {
        match self {
            Dialect::Sqlite => {
                "CASE WHEN instr(payload ->> '$.email', '@') > 0 THEN lower(substr(payload ->> '$.email', 1 + length(
                     rtrim(payload ->> '$.email', replace(payload ->> '$.email', '@', ''))))) END"
            }
            Dialect::Postgres => "lower(substring(payload ->> 'email' FROM '@([^@]*)$'))",
        }
    }

    /// The class of the last failure and the reply's code: what an error has before its words.
    pub(super) fn head(self) -> &'static str {
        match self {
            Dialect::Sqlite => {
                "CASE WHEN instr(last_error, ':') > 0 THEN substr(last_error, 1, instr(last_error, ':') - 1)
                 ELSE substr(last_error, 1, 60) END"
            }
            Dialect::Postgres => "left(split_part(last_error, ':', 1), 60)",
        }
    }

    /// An id sorts by its time.
    fn least_id(self) -> &'static str {
        match self {
            Dialect::Sqlite => "min(id)",
            Dialect::Postgres => "CAST(min(CAST(id AS text)) AS uuid)",
        }
    }
}

/// A reply that jobs are sought by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply {
    reason: Option<Reason>,
    code: Option<u16>,
}

impl Reply {
    /// Reads `550`, `refused_5xx`, or both, as a summary has them: `refused_5xx (550)`.
    pub fn parse(text: &str) -> Option<Self> {
        let (reason, code) = match text.split_once('(') {
            Some((reason, code)) => (Some(reason.trim()), Some(code.strip_suffix(')')?)),
            None if text.starts_with(|first: char| first.is_ascii_digit()) => (None, Some(text)),
            None => (Some(text), None),
        };
        let reason = reason.map(|reason| parse(reason).ok_or(())).transpose().ok()?;
        let code = code.map(|code| code.parse().ok().filter(|code| (100..1000).contains(code)).ok_or(()));
        Some(Reply { reason, code: code.transpose().ok()? })
    }

    /// For LIKE, with `\` before what is meant as it is; for the head of an error and a space.
    pub(super) fn pattern(&self) -> String {
        let reason = self.reason.map_or_else(|| "%".to_owned(), |reason| reason.as_str().replace('_', "\\_"));
        match self.code {
            Some(code) => format!("{reason} ({code}) "),
            None => format!("{reason} %"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_is_a_class_a_code_or_both() {
        let pattern = |text| Reply::parse(text).map(|reply| reply.pattern());
        assert_eq!(pattern("550").as_deref(), Some("% (550) "));
        assert_eq!(pattern("refused_5xx").as_deref(), Some("refused\\_5xx %"));
        assert_eq!(pattern("refused_5xx (550)").as_deref(), Some("refused\\_5xx (550) "));
        for text in ["", "%", "refused", "5", "55000", "550%", "refused_5xx (x)", "refused_5xx (550", "(550)"] {
            assert_eq!(Reply::parse(text), None, "{text}");
        }
    }
}
