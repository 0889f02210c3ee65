//! What a subcommand says: its result, and what is beside it.

use std::fmt::Display;
use std::io::Write;

use anyhow::Context;

use crate::redaction::mask_secrets;
use crate::text::{escape, escape_json};

/// Writes to standard output at once; a reader that has left, as in `neodyme check | head -1`, is no failure.
pub(super) fn print(text: impl Display) -> anyhow::Result<()> {
    match std::io::stdout().write_all(text.to_string().as_bytes()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => written.context("cannot write to standard output"),
    }
}

/// Says something beside the output, without known secrets; where nobody reads it, that is no failure.
pub(super) fn note(text: impl Display) {
    let text = text.to_string();
    let lines: Vec<_> = text.lines().map(|line| escape(&mask_secrets(line)).into_owned()).collect();
    let _ = writeln!(std::io::stderr(), "neodyme: {}", lines.join("\n"));
}

/// JSON for people and programs.
pub(super) fn to_json<T: serde::Serialize + ?Sized>(value: &T) -> anyhow::Result<String> {
    Ok(escape_json(&serde_json::to_string_pretty(value)?).into_owned() + "\n")
}
