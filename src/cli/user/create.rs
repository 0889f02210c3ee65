//! `neodyme user create`.

use std::net::Ipv4Addr;
use std::path::PathBuf;

use anyhow::Context;
use clap::ArgMatches;

use super::view::UserView;
use crate::accounts::Actor;
use crate::accounts::creation::{self, Newcomer};
use crate::accounts::users::Role;
use crate::cli::database::open;
use crate::cli::output::{print, to_json};
use crate::cli::password;
use crate::config::Config;
use crate::password::HashPool;
use crate::values::{Email, FullName};

pub(super) async fn create(config: &Config, arguments: &ArgMatches) -> anyhow::Result<()> {
    let db = open(&config.database).await?;
    let password = password::read(arguments.get_one::<PathBuf>("password-file")).await?;
    let pool = HashPool::start(&config.password).context("start a thread that hashes")?;
    let role = arguments.get_one("role").copied().unwrap_or(Role::User);
    let newcomer = Newcomer {
        email: arguments.get_one::<Email>("email").cloned().context("no address")?,
        full_name: arguments.get_one::<FullName>("name").cloned().context("no name")?,
        password_hash: pool.hash(std::net::IpAddr::from(Ipv4Addr::LOCALHOST).into(), password).await?,
        role: if arguments.get_flag("admin") { Role::Admin } else { role },
    };
    let user = creation::create(&db, &Actor::operator(), &newcomer).await?;
    match arguments.get_flag("json") {
        true => print(to_json(&UserView::new(&user, true))?),
        false => print(format_args!("user {} is new, with the role {}\n", user.id, user.role.as_str())),
    }
}
