//! `neodyme user delete`.

use std::io::{BufRead, IsTerminal, Write};
use std::time::Duration;

use anyhow::{Context, bail};
use clap::ArgMatches;
use serde_json::json;

use super::selection::{find, operator, or_force};
use super::view::UserView;
use crate::accounts::erasure::{self, Erased};
use crate::accounts::users::User;
use crate::accounts::webhooks::Webhooks;
use crate::cli::database::open;
use crate::cli::output::{note, print, to_json};
use crate::cli::table::align;
use crate::config::Config;
use crate::store::Db;

/// So often it is tried to empty the log of the database, while others read.
const TRIES: usize = 50;
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(100);

pub(super) async fn delete(config: &Config, arguments: &ArgMatches) -> anyhow::Result<()> {
    let ask = !arguments.get_flag("yes");
    if ask && !std::io::stdin().is_terminal() {
        bail!("standard input is no terminal, so nobody can be asked; --yes deletes without asking");
    }
    let db = open(&config.database).await?;
    let user = find(&db, arguments).await?;
    if ask {
        confirm(&user, &mut std::io::stdin().lock(), &mut std::io::stderr())?;
    }
    let erased = erasure::erase(&db, &Webhooks::new(&config.webhook), &operator(arguments), user.id, None)
        .await
        .map_err(or_force)?;
    wipe(&db, &erased).await.context("the user is erased, but the file of the database may still hold the address")?;
    let Erased { user, sessions, jobs, .. } = erased;
    match arguments.get_flag("json") {
        true => print(to_json(&json!({ "erased": user.id, "sessions_ended": sessions, "jobs_deleted": jobs }))?),
        false => print(format_args!("user {} is erased; sessions ended: {sessions}, jobs deleted: {jobs}\n", user.id)),
    }
}

async fn wipe(db: &Db, erased: &Erased) -> anyhow::Result<()> {
    for _ in 0..TRIES {
        if erasure::wipe(db, erased).await? {
            return Ok(());
        }
        tokio::time::sleep(PAUSE).await;
    }
    note("others read the database all the time: its log may hold the address until it is written over");
    Ok(())
}

/// Goes on only after a `yes`.
fn confirm(user: &User, input: &mut impl BufRead, output: &mut impl Write) -> anyhow::Result<()> {
    writeln!(output, "This user will be erased for good:")?;
    write!(output, "{}", align(std::iter::once(UserView::new(user, false).row())))?;
    write!(output, "Type yes to erase: ")?;
    output.flush()?;
    let mut answer = String::new();
    input.read_line(&mut answer)?;
    if answer.trim() == "yes" { Ok(()) } else { bail!("nobody was erased") }
}
