//! `neodyme user grant`, `deactivate`, `activate` and `revoke-sessions`.

use clap::ArgMatches;
use serde_json::json;

use super::selection::{find, operator, or_force};
use super::view::UserView;
use crate::accounts::change::{self, Change, Changed};
use crate::accounts::users::Role;
use crate::accounts::webhooks::Webhooks;
use crate::accounts::{Actor, revocation};
use crate::cli::database::open;
use crate::cli::output::{print, to_json};
use crate::config::Config;

pub(super) async fn grant(config: &Config, arguments: &ArgMatches) -> anyhow::Result<()> {
    let role: Option<Role> = arguments.get_one("role").copied();
    let changed = apply(config, arguments, Change { role, ..Change::default() }).await?;
    report(arguments, &changed, &format!("has the role {}", changed.user.role.as_str()))
}

pub(super) async fn switch(config: &Config, arguments: &ArgMatches, on: bool) -> anyhow::Result<()> {
    let changed = apply(config, arguments, Change { is_active: Some(on), ..Change::default() }).await?;
    report(arguments, &changed, if on { "is active" } else { "is switched off" })
}

pub(super) async fn revoke_sessions(config: &Config, arguments: &ArgMatches) -> anyhow::Result<()> {
    let db = open(&config.database).await?;
    let user = find(&db, arguments).await?;
    let sessions = revocation::revoke_sessions(&db, &Actor::operator(), user.id).await?;
    match arguments.get_flag("json") {
        true => print(to_json(&json!({ "user_id": user.id, "sessions_ended": sessions }))?),
        false => print(format_args!("user {} is signed out; sessions ended: {sessions}\n", user.id)),
    }
}

async fn apply(config: &Config, arguments: &ArgMatches, change: Change) -> anyhow::Result<Changed> {
    let db = open(&config.database).await?;
    let user = find(&db, arguments).await?;
    change::change(&db, &Webhooks::new(&config.webhook), &operator(arguments), user.id, None, &change)
        .await
        .map_err(or_force)
}

fn report(arguments: &ArgMatches, changed: &Changed, state: &str) -> anyhow::Result<()> {
    let is_new = changed.is_new();
    let Changed { user, sessions, is_unlocked, .. } = changed;
    if arguments.get_flag("json") {
        let user = UserView::new(user, false);
        return print(to_json(
            &json!({ "user": user, "changed": is_new, "unlocked": is_unlocked, "sessions_ended": sessions }),
        )?);
    }
    let when = if is_new { "now" } else { "already" };
    let ended = if *sessions > 0 { format!("; sessions ended: {sessions}") } else { String::new() };
    let unlocked = if *is_unlocked { "; wrong passwords are forgotten" } else { "" };
    print(format_args!("user {} {state} {when}{ended}{unlocked}\n", user.id))
}
