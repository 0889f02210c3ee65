//! Which user the operator means.

use anyhow::{Context, anyhow};
use clap::ArgMatches;

use crate::accounts::directory::{self, Who};
use crate::accounts::users::User;
use crate::store::Db;

/// The user that is named.
pub(super) async fn find(db: &Db, arguments: &ArgMatches) -> anyhow::Result<User> {
    let who = arguments.get_one::<Who>("user").context("no user is named")?;
    directory::find(db, who).await?.ok_or_else(|| match who {
        Who::Id(id) => anyhow!("there is no user {id}"),
        Who::Address(_) => anyhow!("there is no user with this address"),
    })
}
