//! The built program, which prints what it knows of itself.

use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::artefact::Artefact;

/// Reference pages, and the arguments that print each.
const REFERENCES: [(&str, &[&str]); 5] = [
    ("docs/METRICS.md", &["metrics", "--markdown"]),
    ("docs/CONFIGURATION.md", &["check", "--markdown"]),
    ("docs/ERRORS.md", &["errors", "--markdown"]),
    ("docs/openapi.json", &["openapi"]),
    ("docs/openapi-operations.json", &["openapi", "--listener", "operations"]),
];

/// The program `neodyme`.
pub struct Program(String);

impl Program {
    /// The executable at this path.
    pub fn at(path: String) -> Program {
        Program(path)
    }

    /// The pages of `docs/` that it prints.
    pub fn references(&self) -> Result<Vec<Artefact>> {
        let pages = REFERENCES.iter();
        pages
            .map(|(path, arguments)| Ok(Artefact { path: (*path).to_owned(), text: self.prints(arguments)? }))
            .collect()
    }

    /// What it prints, whatever the configuration of whoever runs this, on a terminal where no line must be broken.
    pub fn prints(&self, arguments: &[&str]) -> Result<String> {
        let mut command = Command::new(&self.0);
        let output = command.args(arguments).env_clear().env("COLUMNS", "1000").output();
        let output = output.with_context(|| format!("run {}", self.0))?;
        ensure!(output.status.success(), "{} {arguments:?}: {}", self.0, String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8(output.stdout)?)
    }
}
