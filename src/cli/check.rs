//! `neodyme check`: what is in force, where it comes from, where mail goes, whether the database takes a registration, and
//! whether the signing keys can be read.

use std::fmt;

use super::database::missing_file;
use super::output::print;
use super::runtime::block_on;
use crate::accounts::{self, keys};
use crate::config::{Config, DatabaseConfig, DatabaseUrl, Effective, SETTINGS, Warning};
use crate::error::Result;
use crate::limits::Limits;
use crate::mail::Mailer;
use crate::password;
use crate::store::Db;

/// What fits a terminal that nobody has made wider.
const WIDTH: usize = 80;
/// The column of the values: most are no longer, and leave room for the variable that they came from.
const VALUE: usize = 14;

pub(super) fn run(config: &Config) -> anyhow::Result<()> {
    print(line("setting", "value", "source"))?;
    print(config.effective().iter().map(row).collect::<String>())?;
    print(config.warnings().iter().map(warning).collect::<String>())?;
    print(format_args!("\nmail: {}\n", Mailer::new(&config.mail)?.describe()))?;
    accounts::page_templates(config)?;
    for endpoint in config.webhook.endpoints() {
        let url = endpoint.url.map(ToString::to_string).unwrap_or_default();
        print(format_args!("webhook {}: POST {url}\n", endpoint.number))?;
    }
    print(format_args!("open files: {}\n", Limits::secure(config)?.descriptors))?;
    print(format_args!("password hashes: argon2id, kernel {}\n", password::kernel().as_str()))?;
    print(format_args!("database: {}\n", name(&config.database.url)))?;
    block_on(look(config))?
}

async fn look(config: &Config) -> anyhow::Result<()> {
    let (state, db) = match probe(&config.database).await {
        Ok(found) => found,
        Err(error) => {
            print("  cannot be used\n")?;
            return Err(anyhow::Error::new(error).context("the database cannot be used"));
        }
    };
    print(format_args!("  {state}\n"))?;
    match db {
        Some(db) => check_keys(config, &db).await,
        None => Ok(()),
    }
}

/// `neodyme serve` does not start with keys that it cannot read.
async fn check_keys(config: &Config, db: &Db) -> anyhow::Result<()> {
    match keys::inspect(&config.sign_in, db).await {
        Ok(found) => print(format_args!("signing keys: {found}\n")),
        Err(error) => {
            print("signing keys: cannot be used\n")?;
            Err(error.context("the signing keys cannot be used"))
        }
    }
}

/// How the database was found.
enum State {
    NotCreatedYet,
    Pending(usize),
    Writable,
}

/// Tries the database as readiness does, and leaves nothing behind: connecting would create a SQLite file, so a missing one
/// is left alone. Gives the database too, where its tables are up to date.
async fn probe(config: &DatabaseConfig) -> Result<(State, Option<Db>)> {
    if missing_file(&config.url).is_some() {
        return Ok((State::NotCreatedYet, None));
    }
    let db = Db::connect(config).await?;
    match db.pending_migrations().await?.len() {
        0 => db.check(accounts::rehearse).await.map(|()| (State::Writable, Some(db))),
        pending => Ok((State::Pending(pending), None)),
    }
}

fn name(url: &DatabaseUrl) -> String {
    match url {
        DatabaseUrl::Sqlite { path } => format!("sqlite {}", path.display()),
        DatabaseUrl::Postgres(_) => "postgresql".into(),
    }
}

fn row(effective: &Effective) -> String {
    let value = if effective.value.is_empty() { "none" } else { &effective.value };
    line(effective.key, value, &effective.source.to_string())
}

fn warning(warning: &Warning) -> String {
    format!("\n{}", wrapped(&format!("warning: {}: {}", warning.message, warning.remedy)))
}

/// A text on lines that stay within the width where their words do, all but the first indented.
fn wrapped(text: &str) -> String {
    let (mut lines, mut line) = (String::new(), String::new());
    for word in text.split(' ') {
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > WIDTH {
            lines.push_str(&line);
            lines.push('\n');
            line = format!("  {word}");
        } else {
            line.push_str(if line.is_empty() { "" } else { " " });
            line.push_str(word);
        }
    }
    lines + &line + "\n"
}

/// A setting on one line, or on as many as it takes to stay within the width.
fn line(key: &str, value: &str, source: &str) -> String {
    let indent = SETTINGS.iter().map(|setting| setting.key.len()).max().unwrap_or_default() + 2;
    let length = |text: &str| text.chars().count();
    if indent + length(value).max(VALUE) + 2 + length(source) <= WIDTH {
        format!("{key:indent$}{value:VALUE$}  {source}\n")
    } else if indent + length(value) <= WIDTH {
        format!("{key:indent$}{value}\n{:indent$}{source}\n", "")
    } else {
        format!("{key}\n    {value}\n    {source}\n")
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotCreatedYet => f.write_str("not created yet: `neodyme serve` and `neodyme migrate` create it"),
            Self::Pending(pending) => write!(f, "reachable, migrations: {pending} pending"),
            Self::Writable => f.write_str("reachable and writable, migrations: up to date"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_is_wrapped_within_the_width() {
        let text = wrapped(&"four ".repeat(40));
        let words: Vec<_> = text.split_whitespace().collect();
        assert_eq!(words, ["four"; 40]);
        assert!(text.lines().count() == 3 && text.lines().all(|line| line.len() <= WIDTH), "{text}");
        assert_eq!(wrapped("a b"), "a b\n");
    }

    #[test]
    fn a_setting_takes_no_more_lines_than_it_must_and_no_line_is_too_long() {
        let variable = "NEODYME_PASSWORD_ARGON2_MEMORY_KIB";
        let lines = |length: usize, source| {
            let text = line("password_argon2_memory_kib", &"x".repeat(length), source);
            assert!(text.lines().all(|line| line.len() <= WIDTH), "{text}");
            text.lines().count()
        };
        assert_eq!([0, 14, 30].map(|length| lines(length, "default")), [1; 3]);
        assert_eq!([0, 14].map(|length| lines(length, "NEODYME_LOG_LEVEL")), [1; 2]);
        assert_eq!([0, 14, 45].map(|length| lines(length, variable)), [2; 3]);
        assert_eq!([60, 76].map(|length| lines(length, variable)), [3; 2]);
    }
}
