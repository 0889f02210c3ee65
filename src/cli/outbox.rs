//! `neodyme outbox`: looks at jobs and changes them.

mod change;
mod group;
mod selection;
mod view;

use clap::ArgMatches;

use self::group::GroupView;
use self::selection::{filter, ids, refuse_unknown};
use self::view::JobView;
use super::database::open;
use super::output::{note, print, to_json};
use super::runtime::block_on;
use super::table::align;
use crate::config::Config;
use crate::outbox::store::{self as outbox, GroupBy};
use crate::store::Db;

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
    let by: Vec<GroupBy> = arguments.get_many("by").unwrap_or_default().copied().collect();
    if !by.is_empty() {
        return count(&db, &by, limit, arguments).await;
    }
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

/// Jobs by what they have in common.
async fn count(db: &Db, by: &[GroupBy], limit: usize, arguments: &ArgMatches) -> anyhow::Result<()> {
    let mut groups = outbox::summary(db, &filter(arguments), by, usize::MAX, limit + 1).await?;
    if groups.len() > limit {
        groups.truncate(limit);
        note(format_args!("these are the largest {limit}; --limit shows more"));
    }
    let views: Vec<_> = groups.iter().map(|group| GroupView::new(group, by)).collect();
    match views.as_slice() {
        views if arguments.get_flag("json") => print(to_json(views)?),
        [] => print("no jobs\n"),
        views => print(align(std::iter::once(group::HEAD.map(String::from)).chain(views.iter().map(GroupView::row)))),
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
