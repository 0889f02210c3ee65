//! The outbox as the page shows it: how each topic stands, and what failed in which way.

use std::time::Duration;

use serde::Serialize;
use time::OffsetDateTime;

use super::word::Word;
use crate::operations::words::{NONE, age, count, counted};
use crate::outbox::store::Group;
use crate::outbox::{FailedJobs, JobState, Standing};
use crate::telemetry::metrics::ExternalService;
use crate::values::timestamp::rfc3339;

/// How a topic stands.
#[derive(Debug, Serialize)]
pub(super) struct Topic {
    name: &'static str,
    state: Word,
    waiting: String,
    oldest: String,
    running: String,
    dead: String,
    deaths: String,
}

/// Jobs of the outbox that failed, as they were found at some time.
#[derive(Debug, Serialize)]
pub(super) struct Jobs {
    at: Option<String>,
    groups: Vec<Failed>,
    has_more: bool,
}

/// Jobs that failed in the same way.
#[derive(Debug, Serialize)]
struct Failed {
    jobs: String,
    state: Word,
    topic: Option<String>,
    domain: Option<String>,
    reply: Option<String>,
    oldest: String,
    example: String,
}

/// How a topic is shown.
pub(super) fn topic(standing: &Standing) -> Topic {
    let state = match standing {
        Standing { fault: Some(_), .. } => Word::bad("paused"),
        Standing { is_left_alone: true, .. } => Word::bad("on hold"),
        Standing { dead: 1.., .. } => Word::warn("some given up"),
        _ => Word::good("delivers"),
    };
    Topic {
        name: standing.name.as_str(),
        state,
        waiting: count(standing.pending),
        oldest: waited(standing).map_or_else(|| NONE.into(), age),
        running: count(standing.running),
        dead: count(standing.dead),
        deaths: deaths(standing),
    }
}

/// What waits for a service: `1 email waits`, `3 emails wait`.
pub(super) fn waiting(service: ExternalService, topics: &[Standing]) -> String {
    let jobs = pending(service, topics);
    let what = if service == ExternalService::Email { "email" } else { "event" };
    format!("{} wait{}", counted(jobs, what), if jobs == 1 { "s" } else { "" })
}

/// How many jobs wait for a service.
pub(super) fn pending(service: ExternalService, topics: &[Standing]) -> u64 {
    topics.iter().filter(|topic| topic.service == service).map(|topic| topic.pending).sum()
}

/// How long the oldest job has waited.
pub(super) fn waited(standing: &Standing) -> Option<Duration> {
    let now = OffsetDateTime::now_utc().unix_timestamp_nanos() as f64 / 1e9;
    standing.oldest.map(|oldest| Duration::from_secs_f64((now - oldest).max(0.0)))
}

/// What jobs were given up for: `10 refused_5xx, 2 other`.
pub(super) fn deaths(standing: &Standing) -> String {
    let deaths = standing.deaths.iter().map(|(reason, jobs)| format!("{} {}", count(*jobs), reason.as_str()));
    deaths.collect::<Vec<_>>().join(", ")
}

/// How failed jobs are shown.
pub(super) fn jobs(found: &FailedJobs) -> Jobs {
    let failed = |group: &Group| Failed {
        jobs: count(group.jobs.unsigned_abs()),
        state: if group.state == JobState::Dead { Word::bad("dead") } else { Word::warn(group.state.as_str()) },
        topic: group.topic.clone(),
        domain: group.domain.clone(),
        reply: group.reply.clone(),
        oldest: rfc3339(group.oldest),
        example: group.example.to_string(),
    };
    Jobs { at: found.at.map(rfc3339), groups: found.groups.iter().map(failed).collect(), has_more: found.has_more }
}
