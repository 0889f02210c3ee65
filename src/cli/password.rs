//! A new password, for a command: from a terminal that does not show it, from standard input, or from a file. Never from an
//! argument, which everybody on the machine can read.

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Write};
use std::path::PathBuf;

use anyhow::{Context, anyhow, bail};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use secrecy::zeroize::Zeroizing;
use tokio::sync::oneshot;

use crate::values::{Fault, NewPassword};

/// No password is longer, in bytes.
const MAX_BYTES: u64 = 4096;

/// Reads a password that somebody chooses.
pub(super) async fn read(file: Option<&PathBuf>) -> anyhow::Result<NewPassword> {
    let text = match file {
        Some(path) => {
            let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
            first_line(BufReader::new(file)).with_context(|| format!("cannot read {}", path.display()))?
        }
        None if io::stdin().is_terminal() => ask().await?,
        None => first_line(io::stdin().lock()).context("cannot read standard input")?,
    };
    NewPassword::parse(&text).map_err(|fault| refused(&fault))
}

/// What is wrong with a password, without it.
pub(super) fn refused(fault: &Fault) -> anyhow::Error {
    anyhow!("the password {}", fault.message)
}

fn first_line(source: impl BufRead) -> io::Result<Zeroizing<String>> {
    let mut line = Zeroizing::new(String::new());
    source.take(MAX_BYTES).read_line(&mut line)?;
    let end = line.trim_end_matches(['\r', '\n']).len();
    line.truncate(end);
    Ok(line)
}

/// Asks twice. Ctrl-C leaves the terminal as it was.
async fn ask() -> anyhow::Result<Zeroizing<String>> {
    let _silence = Silence::begin().context("cannot have the terminal hide the password")?;
    let first = prompt("Password: ").await?;
    if first != prompt("The same once more: ").await? {
        bail!("these were two passwords");
    }
    Ok(first)
}

async fn prompt(words: &str) -> anyhow::Result<Zeroizing<String>> {
    let mut screen = io::stderr();
    write!(screen, "{words}")?;
    screen.flush()?;
    let (answer, line) = oneshot::channel();
    // A thread of its own, for which nobody waits at the end.
    std::thread::spawn(move || answer.send(first_line(io::stdin().lock())));
    let line = tokio::select! {
        line = line => line?,
        _ = tokio::signal::ctrl_c() => Err(io::Error::other("interrupted")),
    };
    writeln!(screen)?;
    Ok(line?)
}

/// A terminal that does not show what is typed, until this is dropped.
struct Silence(Termios);

impl Silence {
    fn begin() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        tcsetattr(io::stdin(), OptionalActions::Now, &silent)?;
        Ok(Silence(before))
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::first_line;

    #[test]
    fn a_password_is_a_line_without_its_end() {
        for (text, line) in [("a b \r\nmore\n", "a b "), ("x", "x"), ("", ""), ("\n", "")] {
            assert_eq!(*first_line(text.as_bytes()).unwrap(), line, "{text:?}");
        }
    }
}
