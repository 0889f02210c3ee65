//! Which user the operator means.

use anyhow::{Context, anyhow};
use clap::ArgMatches;

use crate::accounts::Actor;
use crate::accounts::directory::Who;
use crate::accounts::users::User;
use crate::cli::named;
use crate::error::Error;
use crate::store::Db;

/// The operator, who may insist on what leaves nobody to administer users.
pub(super) fn operator(arguments: &ArgMatches) -> Actor {
    match arguments.try_get_one::<bool>("force") {
        Ok(Some(true)) => Actor::operator().insisting(),
        _ => Actor::operator(),
    }
}

/// What is said where that was refused.
pub(super) fn or_force(error: Error) -> anyhow::Error {
    match error {
        Error::LastAdmin => anyhow!("{error}; --force does it all the same"),
        other => other.into(),
    }
}

/// The user that is named.
pub(super) async fn find(db: &Db, arguments: &ArgMatches) -> anyhow::Result<User> {
    named::find(db, arguments.get_one::<Who>("user").context("no user is named")?).await
}
