//! `neodyme user`: makes users, looks at them, changes and erases them.

mod change;
mod create;
mod delete;
mod selection;
mod view;

use clap::ArgMatches;

use self::selection::find;
use self::view::{TriesView, UserView};
use super::database::open;
use super::named;
use super::output::{note, print, to_json};
use super::runtime::block_on;
use super::table::align;
use crate::accounts::directory::State;
use crate::accounts::sign_in::{self, Limits};
use crate::accounts::users::{self, Order, Page, UserFilter};
use crate::accounts::{Actor, export, sessions};
use crate::config::Config;

pub(super) fn run(config: &Config, task: &str, arguments: &ArgMatches) -> anyhow::Result<()> {
    block_on(async {
        match task {
            "create" => create::create(config, arguments).await,
            "list" => list(config, arguments).await,
            "show" => show(config, arguments).await,
            "grant" => change::grant(config, arguments).await,
            "deactivate" => change::switch(config, arguments, false).await,
            "activate" => change::switch(config, arguments, true).await,
            "revoke-sessions" => change::revoke_sessions(config, arguments).await,
            "delete" => delete::delete(config, arguments).await,
            _ => export(config, arguments).await,
        }
    })?
}

async fn list(config: &Config, arguments: &ArgMatches) -> anyhow::Result<()> {
    let limit = arguments.get_one::<u32>("limit").copied().unwrap_or_default() as usize;
    let db = open(&config.database).await?;
    let after = match arguments.get_one("after") {
        Some(who) => Some(named::id_of(&db, who).await?),
        None => None,
    };
    let page = Page {
        after,
        order: arguments.get_one("order").copied().unwrap_or(Order::Asc),
        skip: arguments.get_one::<u64>("skip").copied().unwrap_or_default() as usize,
        // One more, to know whether there are more.
        limit: limit + 1,
    };
    let mut found = users::list(&db, &filter(arguments), &page).await?;
    if found.len() > limit {
        found.truncate(limit);
        let last = found.last().map(|user| user.id).unwrap_or_default();
        note(format_args!("there are more: --after {last} goes on"));
    }
    let views: Vec<_> = found.iter().map(|user| UserView::new(user, arguments.get_flag("full"))).collect();
    match views.as_slice() {
        views if arguments.get_flag("json") => print(to_json(views)?),
        [] => print("no users\n"),
        views => print(align(std::iter::once(view::HEAD.map(String::from)).chain(views.iter().map(UserView::row)))),
    }
}

fn filter(arguments: &ArgMatches) -> UserFilter {
    UserFilter {
        is_active: arguments.get_one::<State>("state").map(|state| *state == State::Active),
        role: arguments.get_one("role").copied(),
        since: arguments.get_one("since").copied(),
        until: arguments.get_one("until").copied(),
        address: arguments.get_one("email-prefix").cloned(),
    }
}

async fn show(config: &Config, arguments: &ArgMatches) -> anyhow::Result<()> {
    let db = open(&config.database).await?;
    let user = find(&db, arguments).await?;
    let sessions = sessions::of_user(&db, user.id).await?;
    let failures = sign_in::failures_of(&db, user.id).await?;
    let tries = failures.map(|failures| TriesView::new(&failures, &Limits::of(&config.sign_in)));
    let view = UserView::new(&user, arguments.get_flag("full")).with_sessions(&sessions).with_tries(tries);
    match arguments.get_flag("json") {
        true => print(to_json(&view)?),
        false => print(view.whole()),
    }
}

async fn export(config: &Config, arguments: &ArgMatches) -> anyhow::Result<()> {
    let db = open(&config.database).await?;
    let user = find(&db, arguments).await?;
    print(to_json(&export::export(&db, &Actor::operator(), user.id).await?)?)
}
