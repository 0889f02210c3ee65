//! `neodyme outbox retry` and `neodyme outbox discard`.

use std::io::{BufRead, IsTerminal, Write};

use anyhow::{Context, bail};
use clap::ArgMatches;
use serde_json::json;

use super::selection::{filter, ids, refuse_unknown};
use crate::cli::database::open;
use crate::cli::output::{print, to_json};
use crate::config::Config;
use crate::outbox::JobState;
use crate::outbox::store::{self as outbox, GroupBy, JobSelection};
use crate::store::Db;

pub(super) async fn retry(config: &Config, arguments: &ArgMatches) -> anyhow::Result<()> {
    let db = open(&config.database).await?;
    let (selection, _) = select(&db, arguments).await?;
    let changed = outbox::retry(&db, &selection).await?;
    report(arguments, "retried", changed, "due now")
}

pub(super) async fn discard(config: &Config, arguments: &ArgMatches) -> anyhow::Result<()> {
    let ask = !arguments.get_flag("yes");
    if ask && !std::io::stdin().is_terminal() {
        bail!("standard input is no terminal, so nobody can be asked; --yes discards without asking");
    }
    let db = open(&config.database).await?;
    let (selection, found) = select(&db, arguments).await?;
    if ask && !found.is_empty() {
        confirm(&found, &mut std::io::stdin().lock(), &mut std::io::stderr())?;
    }
    let changed = outbox::discard(&db, &selection).await?;
    report(arguments, "discarded", changed, "discarded")
}

fn report(arguments: &ArgMatches, key: &str, changed: usize, done: &str) -> anyhow::Result<()> {
    match changed {
        _ if arguments.get_flag("json") => print(to_json(&json!({ key: changed }))?),
        1 => print(format_args!("1 job {done}\n")),
        _ => print(format_args!("{changed} jobs {done}\n")),
    }
}

/// So many jobs of a topic in a state.
type Found = (String, JobState, i64);

/// The jobs that are meant. Each one that is named must be there and must wait; else nothing is changed.
async fn select(db: &Db, arguments: &ArgMatches) -> anyhow::Result<(JobSelection, Vec<Found>)> {
    if arguments.get_flag("all") {
        let filter = filter(arguments);
        let groups = outbox::summary(db, &filter, &[GroupBy::Topic], usize::MAX, usize::MAX).await?.into_iter();
        let meant = groups.filter(|group| waits(group.state));
        let found = meant.map(|group| (group.topic.unwrap_or_default(), group.state, group.jobs)).collect();
        return Ok((JobSelection::All(filter), found));
    }
    let ids = ids(arguments);
    let (mut found, mut unknown) = (Vec::new(), Vec::new());
    for id in &ids {
        match outbox::find(db, *id).await? {
            Some(job) if waits(job.state) => found.push((job.topic, job.state, 1)),
            Some(job) => bail!("job {id} is {}; nothing was changed", job.state.as_str()),
            None => unknown.push(id.to_string()),
        }
    }
    refuse_unknown(&unknown).context("nothing was changed")?;
    Ok((JobSelection::Ids(ids), found))
}

/// No instance works on it, and it is not done.
fn waits(state: JobState) -> bool {
    matches!(state, JobState::Pending | JobState::Dead)
}

/// Goes on only after a `yes`.
fn confirm(found: &[Found], input: &mut impl BufRead, output: &mut impl Write) -> anyhow::Result<()> {
    writeln!(output, "What these jobs were to do will never be done:")?;
    for (topic, state, count) in found {
        writeln!(output, "  {count} {topic} ({})", state.as_str())?;
    }
    write!(output, "Type yes to discard them: ")?;
    output.flush()?;
    let mut answer = String::new();
    input.read_line(&mut answer)?;
    if answer.trim() == "yes" { Ok(()) } else { bail!("nothing was discarded") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_yes_is_a_yes() {
        let found = [("welcome_email".into(), JobState::Dead, 3), ("analytics_event".into(), JobState::Pending, 1)];
        for (answer, expected) in [("yes\n", true), (" yes\r\n", true), ("y\n", false), ("\n", false), ("", false)] {
            let mut asked = Vec::new();
            assert_eq!(confirm(&found, &mut answer.as_bytes(), &mut asked).is_ok(), expected, "{answer:?}");
            let asked = String::from_utf8(asked).unwrap();
            assert!(asked.contains("\n  3 welcome_email (dead)\n  1 analytics_event (pending)\n"), "{asked}");
        }
    }
}
