//! `neodyme log`: lines of JSON, as a log is kept, in the form that a terminal shows.

use std::io::{self, BufRead, ErrorKind, Read, Write};

use anyhow::Context;
use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::telemetry::logging::{Terminal, stdout_has_colours};
use crate::text::escape;

const ABOUT: &str = "Make the log readable: lines of JSON from standard input, for people";
/// More than the service writes in a line; what is longer is shown in parts, as it is.
const LONGEST: u64 = 1024 * 1024;

pub(super) fn command() -> Command {
    let full = Arg::new("full").long("full").action(ArgAction::SetTrue);
    Command::new("log").about(ABOUT).arg(full.help("Show every field, and ids as they are"))
}

pub(super) fn run(arguments: &ArgMatches) -> anyhow::Result<()> {
    let terminal = Terminal { colour: stdout_has_colours(), full: arguments.get_flag("full") };
    let (mut input, mut output) = (io::stdin().lock(), io::stdout().lock());
    let mut line = Vec::new();
    loop {
        line.clear();
        let read =
            input.by_ref().take(LONGEST).read_until(b'\n', &mut line).context("standard input cannot be read")?;
        if read == 0 {
            return Ok(());
        }
        // A line at a time, since somebody may watch as they come.
        match writeln!(output, "{}", readable(&terminal, &line)).and_then(|()| output.flush()) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(()),
            written => written.context("cannot write to standard output")?,
        }
    }
}

/// What is no record, such as the message of another program, stays as it is.
fn readable(terminal: &Terminal, line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    let text = text.trim_end_matches(['\n', '\r']);
    terminal.render(text).unwrap_or_else(|_| escape(text).into_owned())
}
