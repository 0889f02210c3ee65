//! Which jobs are meant: by topic and state, and by what no column has, the recipient's domain and the last reply.

use crate::label::parse;
use crate::store::Db;
use crate::values::job::{JobState, Reason, TopicName};

/// Some of the jobs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobFilter {
    /// Of these topics. All are named, since the index begins with the topic.
    pub topics: Vec<TopicName>,
    /// Only in this state; without one, those that are not delivered.
    pub state: Option<JobState>,
    /// Only for recipients of this domain, in small letters.
    pub domain: Option<String>,
    /// Only those that failed so last, or of which nothing was sent for this reason.
    pub reply: Option<Reply>,
}

impl JobFilter {
    /// The topics as the database knows them.
    pub(super) fn topics(&self) -> Vec<&'static str> {
        self.topics.iter().map(|topic| topic.as_str()).collect()
    }

    /// What the head of an error must look like, for LIKE.
    pub(super) fn pattern(&self) -> String {
        self.reply.as_ref().map_or_else(|| "%".to_owned(), Reply::pattern)
    }

    pub(super) fn states(&self) -> Vec<JobState> {
        self.state.map_or_else(|| vec![JobState::Pending, JobState::Running, JobState::Dead], |state| vec![state])
    }
}

/// The condition of a filter that no column has.
macro_rules! of_domain_and_reply {
    ($db:expr, $filter:expr) => {{
        let dialect = Dialect::of($db);
        let domain = $filter.domain.clone().unwrap_or_default();
        sql::<Bool>("(")
            .bind::<Text, _>(domain.clone())
            .sql(" = '' OR ")
            .sql(dialect.domain())
            .sql(" = ")
            .bind::<Text, _>(domain)
            .sql(") AND COALESCE(CASE WHEN state = 'delivered' THEN ")
            .sql(dialect.withheld())
            .sql(" END, ")
            .sql(dialect.head())
            .sql(", '') || ' ' LIKE ")
            .bind::<Text, _>($filter.pattern())
            .sql(" ESCAPE '\\'")
    }};
}

pub(super) use of_domain_and_reply;

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

    /// Why nothing was sent, of a job that is done: what a settlement leaves of its payload.
    pub(super) fn withheld(self) -> &'static str {
        match self {
            Dialect::Sqlite => "payload ->> '$.withheld'",
            Dialect::Postgres => "payload ->> 'withheld'",
        }
    }

    /// An id sorts by its time.
    pub(super) fn least_id(self) -> &'static str {
        match self {
            Dialect::Sqlite => "min(id)",
            Dialect::Postgres => "CAST(min(CAST(id AS text)) AS uuid)",
        }
    }
}

/// A reply that jobs are sought by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Of a service.
    Failure {
        /// What kind of failure it was.
        reason: Option<Reason>,
        /// What the service answered.
        code: Option<u16>,
    },
    /// Why nothing was sent, in words.
    Withheld(String),
}

impl Reply {
    /// Reads `550`, `refused_5xx`, or both, as a summary has them: `refused_5xx (550)`; or the words why nothing was sent.
    pub fn parse(text: &str) -> Option<Self> {
        if text.contains(' ') && !text.contains('(') {
            return Some(Reply::Withheld(text.to_owned()));
        }
        let (reason, code) = match text.split_once('(') {
            Some((reason, code)) => (Some(reason.trim()), Some(code.strip_suffix(')')?)),
            None if text.starts_with(|first: char| first.is_ascii_digit()) => (None, Some(text)),
            None => (Some(text), None),
        };
        let reason = reason.map(|reason| parse(reason).ok_or(())).transpose().ok()?;
        let code = code.map(|code| code.parse().ok().filter(|code| (100..1000).contains(code)).ok_or(()));
        Some(Reply::Failure { reason, code: code.transpose().ok()? })
    }

    /// For LIKE, with `\` before what is meant as it is; for the head of an error, or words, and a space.
    pub(super) fn pattern(&self) -> String {
        let (reason, code) = match self {
            Reply::Failure { reason, code } => (reason, code),
            Reply::Withheld(words) => return format!("{} ", literal(words)),
        };
        let reason = reason.map_or_else(|| "%".to_owned(), |reason| literal(reason.as_str()));
        match code {
            Some(code) => format!("{reason} ({code}) "),
            None => format!("{reason} %"),
        }
    }
}

/// What LIKE takes as it is.
fn literal(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_is_a_class_a_code_or_both_or_words() {
        let pattern = |text| Reply::parse(text).map(|reply| reply.pattern());
        assert_eq!(pattern("550").as_deref(), Some("% (550) "));
        assert_eq!(pattern("refused_5xx").as_deref(), Some("refused\\_5xx %"));
        assert_eq!(pattern("refused_5xx (550)").as_deref(), Some("refused\\_5xx (550) "));
        assert_eq!(pattern("it's 5% o_f \\ it").as_deref(), Some("it's 5\\% o\\_f \\\\ it "));
        for text in ["", "%", "refused", "5", "55000", "550%", "refused_5xx (x)", "refused_5xx (550", "(550)"] {
            assert_eq!(Reply::parse(text), None, "{text}");
        }
    }
}
