//! `neodyme import`: users from another service, as lines of JSON.

use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use clap::{Arg, ArgMatches, Command, value_parser};
use indicatif::{ProgressBar, ProgressStyle};

use super::database::{missing_file, open};
use super::flags::{OF_THE_DATABASE, flag, json, option, with_settings};
use super::output::{note, print, to_json};
use super::runtime::block_on;
use super::table::align;
use crate::accounts::import::{self, Import, Tally, Target, Watcher};
use crate::config::Config;
use crate::error::Error;
use crate::store::Db;

const ABOUT: &str = "Take over users from another service: a file with a JSON object in each line";
const AFTER: &str = "\
A line: {\"email\": \"ada@example.com\", \"full_name\": \"Ada Lovelace\", \"password_hash\": \"$2b$12$…\",
\"verified\": true, \"created_at\": \"2024-05-31T08:00:00Z\", \"is_active\": true}. The last three may be
missing. Hashes: PHC strings of Argon2, scrypt and PBKDF2, and bcrypt; see docs/IMPORT.md.

A user whose address is registered is left as it is: an import that broke off is run again. No
welcome email is sent. Exit code 1 says that lines were refused; --rejects keeps them.";
/// Refused lines that are told one by one.
const TOLD: u64 = 20;
/// Between two lines of progress where there is no terminal.
const PROGRESS_EVERY: u64 = 100_000;

pub(super) fn command() -> Command {
    const REJECTS: &str = "Keep refused lines in a new file (mode 0600: they hold what the users' lines hold)";
    let file = Arg::new("file").value_name("FILE").required(true).help("The users; - for standard input");
    let from_line = option("from-line", "N", "Skip the lines before this one").default_value("1");
    with_settings(Command::new("import").about(ABOUT), OF_THE_DATABASE).after_help(AFTER).args([
        file.value_parser(value_parser!(PathBuf)),
        from_line.value_parser(value_parser!(u64).range(1..)),
        option("rejects", "FILE", REJECTS).value_parser(value_parser!(PathBuf)),
        flag("dry-run", "Say what would become of each line, and write nothing"),
        json(),
    ])
}

pub(super) fn run(config: &Config, arguments: &ArgMatches) -> anyhow::Result<()> {
    block_on(import(config, arguments))?
}

async fn import(config: &Config, arguments: &ArgMatches) -> anyhow::Result<()> {
    let is_dry = arguments.get_flag("dry-run");
    let (source, length) = source(arguments)?;
    let db = database(config, is_dry).await?;
    let target = match &db {
        None => Target::Nowhere,
        Some(db) if is_dry => Target::Rehearsal(db),
        Some(db) => Target::Database(db),
    };
    let from_line = arguments.get_one("from-line").copied().unwrap_or(1);
    let rejects = arguments.get_one::<PathBuf>("rejects");
    let mut import = Import::new(source, target, Teller::new(rejects, length)?);
    let ended = tokio::select! {
        ended = import.run(from_line) => ended,
        _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("interrupted")),
    };
    let tally = import.tally();
    drop(import);
    if let Target::Database(db) = target
        && tally.added > 0
    {
        import::note(db, &tally).await.context("the users are there, but the audit trail does not tell of it")?;
    }
    print(if arguments.get_flag("json") { to_json(&tally)? } else { table(&tally, is_dry) })?;
    ended.with_context(|| {
        let next = tally.lines + 1;
        format!("the import broke off; run it again, with --from-line {next} to skip what is done")
    })?;
    let kept = match rejects {
        Some(path) => format!("they are in {}", path.display()),
        None => "--rejects FILE keeps them".to_owned(),
    };
    anyhow::ensure!(tally.refused == 0, "refused lines: {}; {kept}", tally.refused);
    Ok(())
}

/// Where nothing is written, lines can be checked before there is a database.
async fn database(config: &Config, is_dry: bool) -> anyhow::Result<Option<Db>> {
    if is_dry && missing_file(&config.database.url).is_some() {
        note("there is no database yet: whether an address is taken is not known");
        return Ok(None);
    }
    open(&config.database).await.map(Some)
}

/// What is read, and how long it is where that is known.
fn source(arguments: &ArgMatches) -> anyhow::Result<(Box<dyn BufRead>, Option<u64>)> {
    let path = arguments.get_one::<PathBuf>("file").map_or(Path::new("-"), PathBuf::as_path);
    if path == Path::new("-") {
        return Ok((Box::new(BufReader::new(io::stdin())), None));
    }
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let length = file.metadata().ok().filter(|data| data.is_file()).map(|data| data.len());
    Ok((Box::new(BufReader::new(file)), length))
}

fn table(tally: &Tally, is_dry: bool) -> String {
    let added = if is_dry { "to add" } else { "added" };
    let rows = [("lines", tally.lines), (added, tally.added), ("existing", tally.existing), ("refused", tally.refused)];
    align(rows.into_iter().map(|(name, count)| [name.to_owned(), count.to_string()]))
}

/// Tells how an import goes: a bar on a terminal, a line from time to time elsewhere.
struct Teller {
    bar: ProgressBar,
    rejects: Option<File>,
    refused: u64,
    next_line: u64,
}

impl Teller {
    fn new(rejects: Option<&PathBuf>, length: Option<u64>) -> anyhow::Result<Self> {
        let create = |path: &PathBuf| {
            let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
            file.with_context(|| format!("cannot create {} for the refused lines", path.display()))
        };
        let rejects = rejects.map(create).transpose()?;
        let bar = length.map_or_else(ProgressBar::no_length, ProgressBar::new);
        let template = match length {
            Some(_) => "{bar:30} {percent}%  {msg}  {eta} left",
            None => "{spinner} {msg}  {elapsed}",
        };
        bar.set_style(ProgressStyle::with_template(template)?);
        bar.enable_steady_tick(Duration::from_millis(200));
        Ok(Teller { bar, rejects, refused: 0, next_line: PROGRESS_EVERY })
    }
}

impl Watcher for Teller {
    fn refused(&mut self, number: u64, why: &Error, line: &[u8]) -> io::Result<()> {
        self.refused += 1;
        match self.refused {
            ..=TOLD => self.bar.suspend(|| note(format_args!("line {number}: {}", in_words(why)))),
            refused if refused == TOLD + 1 => self.bar.suspend(|| note("more lines are refused, which are counted")),
            _ => {}
        }
        match &mut self.rejects {
            Some(rejects) => rejects.write_all(&[line, b"\n"].concat()),
            None => Ok(()),
        }
    }

    fn done(&mut self, tally: &Tally, bytes: u64) {
        self.bar.inc(bytes);
        let so_far = format!("{} lines, {} added", tally.lines, tally.added);
        if self.bar.is_hidden() && tally.lines >= self.next_line {
            self.next_line = (tally.lines / PROGRESS_EVERY + 1) * PROGRESS_EVERY;
            note(&so_far);
        }
        self.bar.set_message(so_far);
    }
}

impl Drop for Teller {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// What is wrong with a line; no value of it.
fn in_words(why: &Error) -> String {
    match why {
        Error::Validation(faults) => {
            let mut words = String::new();
            for fault in faults {
                let separator = if words.is_empty() { "" } else { "; " };
                let field = if fault.field.is_empty() { "the line" } else { &fault.field };
                let _ = write!(words, "{separator}{field} {}", fault.message);
            }
            words
        }
        Error::MalformedJson { column, .. } => format!("it is no JSON from column {column} on"),
        Error::BodyTooLarge { limit } => format!("it is longer than {limit} bytes"),
        other => other.to_string(),
    }
}
