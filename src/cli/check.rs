//! `neodyme check`: what is in force, where it comes from, where mail goes, and whether the database answers.

use std::fmt;

use super::table::align;
use super::{block_on, missing_file, print};
use crate::config::{Config, DatabaseConfig, DatabaseUrl, Effective};
use crate::db::Db;
use crate::error::Result;
use crate::mail::Mailer;

pub(super) fn run(config: &Config) -> anyhow::Result<()> {
    let head = ["setting", "value", "source"].map(String::from);
    print(align(std::iter::once(head).chain(config.effective().iter().map(row))))?;
    print(format_args!("\nmail: {}", Mailer::new(&config.mail)?.describe()))?;
    print(format_args!("\ndatabase: {}, ", name(&config.database.url)))?;
    match block_on(probe(&config.database))? {
        Ok(state) => print(format_args!("{state}\n")),
        Err(error) => {
            print("not reachable\n")?;
            Err(anyhow::Error::new(error).context("the database does not answer"))
        }
    }
}

/// How the database was found.
enum State {
    NotCreatedYet,
    Reachable { pending: usize },
}

/// Tries the database and changes nothing: connecting would create a SQLite file, so a missing one is left alone.
async fn probe(config: &DatabaseConfig) -> Result<State> {
    if missing_file(&config.url).is_some() {
        return Ok(State::NotCreatedYet);
    }
    let db = Db::connect(config).await?;
    db.ping().await?;
    Ok(State::Reachable { pending: db.pending_migrations().await?.len() })
}

fn name(url: &DatabaseUrl) -> String {
    match url {
        DatabaseUrl::Sqlite { path } => format!("sqlite {}", path.display()),
        DatabaseUrl::Postgres(_) => format!("postgresql {url}"),
    }
}

fn row(effective: &Effective) -> [String; 3] {
    let value = if effective.value.is_empty() { "none".into() } else { effective.value.clone() };
    [effective.key.into(), value, effective.source.to_string()]
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotCreatedYet => f.write_str("not created yet (`neodyme serve` and `neodyme migrate` create it)"),
            Self::Reachable { pending: 0 } => f.write_str("reachable, migrations: up to date"),
            Self::Reachable { pending } => write!(f, "reachable, migrations: {pending} pending"),
        }
    }
}
