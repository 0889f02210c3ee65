//! `neodyme user create`.

use std::net::Ipv4Addr;
use std::path::PathBuf;

use anyhow::{Context, anyhow};
use clap::ArgMatches;

use super::view::UserView;
use crate::accounts::Actor;
use crate::accounts::creation::{self, Newcomer};
use crate::accounts::users::Role;
use crate::accounts::webhooks::Webhooks;
use crate::cli::database::open;
use crate::cli::output::{print, to_json};
use crate::cli::password;
use crate::config::Config;
use crate::error::Error;
use crate::password::HashPool;
use crate::password_policy::PasswordPolicy;
use crate::values::{Email, FullName};

pub(super) async fn create(config: &Config, arguments: &ArgMatches) -> anyhow::Result<()> {
    let db = open(&config.database).await?;
    let chosen = password::read(arguments.get_one::<PathBuf>("password-file")).await?;
    let (email, full_name) = (
        arguments.get_one::<Email>("email").cloned().context("no address")?,
        arguments.get_one::<FullName>("name").cloned().context("no name")?,
    );
    let policy = PasswordPolicy::new(config);
    policy.check(&chosen, &[email.expose(), full_name.expose()]).map_err(|fault| password::refused(&fault))?;
    let pool = HashPool::start(&config.password).context("start a thread that hashes")?;
    let role = arguments.get_one("role").copied().unwrap_or(Role::User);
    let newcomer = Newcomer {
        email,
        full_name,
        password_hash: pool
            .hash(std::net::IpAddr::from(Ipv4Addr::LOCALHOST).into(), chosen.as_password().clone())
            .await?,
        role: if arguments.get_flag("admin") { Role::Admin } else { role },
    };
    let created = creation::create(&db, &Webhooks::new(&config.webhook), &Actor::operator(), &newcomer).await;
    let user = created.map_err(refused)?;
    match arguments.get_flag("json") {
        true => print(to_json(&UserView::new(&user, true))?),
        false => print(format_args!("user {} is new, with the role {}\n", user.id, user.role.as_str())),
    }
}

/// What is wrong with the address, in words.
fn refused(error: Error) -> anyhow::Error {
    match &error {
        Error::Validation(faults) => {
            let words: Vec<&str> = faults.iter().map(|fault| fault.message.as_str()).collect();
            anyhow!("this email address {}", words.join("; "))
        }
        _ => error.into(),
    }
}
