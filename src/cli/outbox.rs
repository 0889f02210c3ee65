//! `neodyme outbox`: looks at jobs and changes them.

mod change;
mod view;

use anyhow::bail;
use clap::ArgMatches;
use uuid::Uuid;

use self::view::JobView;
use super::table::align;
use super::{block_on, note, open, print, to_json};
use crate::accounts::topics;
use crate::config::Config;
use crate::outbox::TopicName;
use crate::outbox::store::{self as outbox, JobFilter};

pub(super) fn run(config: &Config, task: &str, arguments: &ArgMatches) -> anyhow::Result<()> {
    block_on(async {
        match task {
            "list" => list(config, arguments).await,
            "show" => show(config, arguments).await,
            "retry" => change::retry(config, arguments).await,
            _ => change::discard(config, arguments).await,
        }
    })?
}

async fn list(config: &Config, arguments: &ArgMatches) -> anyhow::Result<()> {
    let limit = arguments.get_one::<u32>("limit").copied().unwrap_or_default() as usize;
    let db = open(&config.database).await?;
    // One more, to know whether there are more.
    let mut jobs = outbox::list(&db, &filter(arguments), limit + 1).await?;
    if jobs.len() > limit {
        jobs.truncate(limit);
        note(format_args!("these are the first {limit}; --limit shows more"));
    }
    let views: Vec<_> = jobs.iter().map(JobView::without_payload).collect();
    match views.as_slice() {
        views if arguments.get_flag("json") => print(to_json(views)?),
        [] => print("no jobs\n"),
        views => print(align(std::iter::once(view::HEAD.map(String::from)).chain(views.iter().map(JobView::row)))),
    }
}

async fn show(config: &Config, arguments: &ArgMatches) -> anyhow::Result<()> {
    let db = open(&config.database).await?;
    let (mut views, mut unknown) = (Vec::new(), Vec::new());
    for id in ids(arguments) {
        match outbox::find(&db, id).await? {
            Some(job) => views.push(JobView::whole(&job, arguments.get_flag("full"))),
            None => unknown.push(id.to_string()),
        }
    }
    if arguments.get_flag("json") {
        print(to_json(&views)?)?;
    } else {
        let blocks: Vec<_> = views.iter().map(|view| align(view.lines().into_iter())).collect();
        print(blocks.join("\n"))?;
    }
    refuse_unknown(&unknown)
}

fn refuse_unknown(unknown: &[String]) -> anyhow::Result<()> {
    if unknown.is_empty() { Ok(()) } else { bail!("there is no job {}", unknown.join(", ")) }
}

fn ids(arguments: &ArgMatches) -> Vec<Uuid> {
    arguments.get_many("id").unwrap_or_default().copied().collect()
}

fn filter(arguments: &ArgMatches) -> JobFilter {
    let only: Option<TopicName> = arguments.get_one("topic").copied();
    JobFilter {
        topics: only.map_or_else(topics::names, |topic| vec![topic]),
        state: arguments.get_one("state").copied(),
    }
}
