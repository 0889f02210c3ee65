//! `neodyme audit list`: who did what, when and from where.

use clap::ArgMatches;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::database::open;
use super::output::{note, print, to_json};
use super::runtime::block_on;
use super::table::align;
use crate::accounts::audit::{self, AuditEntry, AuditFilter};
use crate::config::Config;
use crate::values::Personal;
use crate::values::timestamp::rfc3339;

const HEAD: [&str; 6] = ["occurred_at", "action", "actor", "user_id", "client_ip", "request_id"];

pub(super) fn run(config: &Config, arguments: &ArgMatches) -> anyhow::Result<()> {
    block_on(list(config, arguments))?
}

async fn list(config: &Config, arguments: &ArgMatches) -> anyhow::Result<()> {
    let limit = arguments.get_one::<u32>("limit").copied().unwrap_or_default() as usize;
    let db = open(&config.database).await?;
    // One more, to know whether there are more.
    let mut entries = audit::list(&db, &filter(arguments), limit + 1).await?;
    if entries.len() > limit {
        entries.truncate(limit);
        note(format_args!("these are the last {limit}; --limit shows more"));
    }
    match entries.as_slice() {
        entries if arguments.get_flag("json") => print(to_json(&entries.iter().map(view).collect::<Vec<_>>())?),
        [] => print("no entries\n"),
        entries => print(align(std::iter::once(HEAD.map(String::from)).chain(entries.iter().map(row)))),
    }
}

fn filter(arguments: &ArgMatches) -> AuditFilter {
    AuditFilter {
        user_id: arguments.get_one("user").copied(),
        actor: arguments.get_one("actor").cloned(),
        action: arguments.get_one("action").cloned(),
        since: arguments.get_one("since").copied(),
        until: arguments.get_one("until").copied(),
        request_id: arguments.get_one("request-id").cloned(),
    }
}

fn row(entry: &AuditEntry) -> [String; 6] {
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    [
        rfc3339(entry.occurred_at),
        entry.action.clone(),
        entry.actor.clone(),
        or_dash(entry.user_id.map(|id| id.to_string())),
        or_dash(entry.client_ip.clone().map(Personal::into_exposed)),
        entry.request_id.clone(),
    ]
}

#[derive(Serialize)]
struct EntryView<'a> {
    id: Uuid,
    occurred_at: String,
    action: &'a str,
    actor: &'a str,
    user_id: Option<Uuid>,
    client_ip: Option<&'a str>,
    request_id: &'a str,
    trace_id: &'a str,
    details: &'a Value,
}

fn view(entry: &AuditEntry) -> EntryView<'_> {
    EntryView {
        id: entry.id,
        occurred_at: rfc3339(entry.occurred_at),
        action: &entry.action,
        actor: &entry.actor,
        user_id: entry.user_id,
        client_ip: entry.client_ip.as_ref().map(Personal::expose),
        request_id: &entry.request_id,
        trace_id: &entry.trace_id,
        details: &entry.details,
    }
}
