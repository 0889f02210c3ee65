//! `neodyme audit list`: who did what, when and from where.

use clap::ArgMatches;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::database::open;
use super::named;
use super::output::{note, print, to_json};
use super::runtime::block_on;
use super::table::align;
use crate::accounts::audit::{self, AuditEntry, AuditFilter};
use crate::accounts::directory::Who;
use crate::config::Config;
use crate::store::Db;
use crate::values::Personal;
use crate::values::timestamp::rfc3339;

const HEAD: [&str; 7] = ["occurred_at", "action", "actor", "user_id", "client_ip", "request_id", "details"];

pub(super) fn run(config: &Config, arguments: &ArgMatches) -> anyhow::Result<()> {
    block_on(list(config, arguments))?
}

async fn list(config: &Config, arguments: &ArgMatches) -> anyhow::Result<()> {
    let limit = arguments.get_one::<u32>("limit").copied().unwrap_or_default() as usize;
    let db = open(&config.database).await?;
    // One more, to know whether there are more.
    let mut entries = audit::list(&db, &filter(&db, arguments).await?, limit + 1).await?;
    if entries.len() > limit {
        entries.truncate(limit);
        let next = entries.last().map(|entry| entry.position().to_string()).unwrap_or_default();
        note(format_args!("there are earlier ones: --after {next} goes on"));
    }
    match entries.as_slice() {
        entries if arguments.get_flag("json") => print(to_json(&entries.iter().map(view).collect::<Vec<_>>())?),
        [] => print("no entries\n"),
        entries => print(align(std::iter::once(HEAD.map(String::from)).chain(entries.iter().map(row)))),
    }
}

async fn filter(db: &Db, arguments: &ArgMatches) -> anyhow::Result<AuditFilter> {
    let user_id = match arguments.get_one("user") {
        Some(who) => Some(named::id_of(db, who).await?),
        None => None,
    };
    let actor = match arguments.get_one::<String>("actor") {
        Some(actor) => Some(actor_of(db, actor).await?),
        None => None,
    };
    Ok(AuditFilter {
        user_id,
        actor,
        action: arguments.get_one("action").cloned(),
        since: arguments.get_one("since").copied(),
        until: arguments.get_one("until").copied(),
        request_id: arguments.get_one("request-id").cloned(),
        after: arguments.get_one("after").copied(),
    })
}

/// What the trail calls who is named so: a user's id, where it is an address.
async fn actor_of(db: &Db, text: &str) -> anyhow::Result<String> {
    match Who::parse(text) {
        Ok(who) => Ok(named::id_of(db, &who).await?.to_string()),
        Err(_) => Ok(text.to_owned()),
    }
}

fn row(entry: &AuditEntry) -> [String; 7] {
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    [
        rfc3339(entry.occurred_at),
        entry.action.clone(),
        entry.actor.clone(),
        or_dash(entry.user_id.map(|id| id.to_string())),
        or_dash(entry.client_ip.clone().map(Personal::into_exposed)),
        entry.request_id.clone(),
        in_words(&entry.details),
    ]
}

/// `from=user to=admin`
fn in_words(details: &Value) -> String {
    let members = details.as_object().into_iter().flatten();
    let words = members.map(|(name, value)| match value.as_str() {
        Some(text) => format!("{name}={text}"),
        None => format!("{name}={value}"),
    });
    words.collect::<Vec<_>>().join(" ")
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
