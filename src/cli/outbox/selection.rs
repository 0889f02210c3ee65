//! Which jobs the operator means.

use anyhow::bail;
use clap::ArgMatches;
use uuid::Uuid;

use crate::accounts::topics;
use crate::outbox::TopicName;
use crate::outbox::store::JobFilter;

pub(super) fn refuse_unknown(unknown: &[String]) -> anyhow::Result<()> {
    if unknown.is_empty() { Ok(()) } else { bail!("there is no job {}", unknown.join(", ")) }
}

pub(super) fn ids(arguments: &ArgMatches) -> Vec<Uuid> {
    arguments.get_many("id").unwrap_or_default().copied().collect()
}

pub(super) fn filter(arguments: &ArgMatches) -> JobFilter {
    let only: Option<TopicName> = arguments.get_one("topic").copied();
    JobFilter {
        topics: only.map_or_else(topics::names, |topic| vec![topic]),
        state: arguments.get_one("state").copied(),
        domain: arguments.get_one::<String>("domain").map(|domain| domain.to_lowercase()),
        reply: arguments.get_one("reply").cloned(),
    }
}
