//! Jobs that have something in common, as an operator sees them.

use serde::Serialize;
use uuid::Uuid;

use super::view::WITHHELD;
use crate::outbox::store::{Group, GroupBy};
use crate::values::timestamp::rfc3339;

pub(super) const HEAD: [&str; 7] = ["jobs", "state", "topic", "domain", "reply", "oldest", "example"];

/// What is not asked for, or not there.
const NOTHING: &str = "-";

#[derive(Serialize)]
pub(super) struct GroupView {
    jobs: i64,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    topic: Option<Option<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    domain: Option<Option<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply: Option<Option<String>>,
    oldest: String,
    example: Uuid,
}

impl GroupView {
    pub(super) fn new(group: &Group, by: &[GroupBy]) -> Self {
        let asked = |dimension, value: &Option<String>| by.contains(&dimension).then(|| value.clone());
        Self {
            jobs: group.jobs,
            state: if group.is_withheld { WITHHELD } else { group.state.as_str() },
            topic: asked(GroupBy::Topic, &group.topic),
            domain: asked(GroupBy::Domain, &group.domain),
            reply: asked(GroupBy::Reply, &group.reply),
            oldest: rfc3339(group.oldest),
            example: group.example,
        }
    }

    /// A line of a table.
    pub(super) fn row(&self) -> [String; 7] {
        let cell = |value: &Option<Option<String>>| value.clone().flatten().unwrap_or_else(|| NOTHING.to_owned());
        [
            self.jobs.to_string(),
            self.state.to_owned(),
            cell(&self.topic),
            cell(&self.domain),
            cell(&self.reply),
            self.oldest.clone(),
            self.example.to_string(),
        ]
    }
}
