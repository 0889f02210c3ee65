//! Which user the operator means.

use anyhow::Context;
use clap::ArgMatches;

use crate::accounts::directory::Who;
use crate::accounts::users::User;
use crate::cli::named;
use crate::store::Db;

/// The user that is named.
pub(super) async fn find(db: &Db, arguments: &ArgMatches) -> anyhow::Result<User> {
    named::find(db, arguments.get_one::<Who>("user").context("no user is named")?).await
}
