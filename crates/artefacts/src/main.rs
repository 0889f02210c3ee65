//! Writes what comes from sources, so that nobody has to keep it in step: the dashboards, the files for Kubernetes, the
//! reference pages, and the tables between `<!-- generated: NAME … -->` and `<!-- end -->` in pages that are written by hand.
//!
//! `artefacts [--check] NEODYME`, in the project's folder, where NEODYME is the built program: it knows its settings, errors,
//! metrics and commands. With `--check` nothing is written; what differs is named, and the exit code is 1. `make docs` runs it
//! without and `make lint` with.

mod alerts;
mod artefact;
mod dashboards;
mod kubernetes;
mod links;
mod pages;
mod pattern;
mod program;
mod promql;
mod tables;

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::{Context, Result};

use alerts::Alerts;
use artefact::Artefact;
use program::Program;

fn main() -> ExitCode {
    run().unwrap_or_else(|error| {
        // Where nobody reads it, the exit code says it.
        let _ = writeln!(io::stderr(), "{error:#}");
        ExitCode::FAILURE
    })
}

fn run() -> Result<ExitCode> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let check = arguments.first().is_some_and(|argument| argument == "--check");
    let program = Program::at(arguments.pop().context("usage: artefacts [--check] NEODYME")?);

    let mut stale = keep(&sources(&program)?, check)?;
    // These are copies of what was just written.
    stale += keep(&kubernetes::files_of_the_script()?, check)?;
    links::check()?;
    match stale {
        0 => Ok(ExitCode::SUCCESS),
        _ if check => {
            writeln!(io::stderr(), "run `make docs`, and commit what it writes")?;
            Ok(ExitCode::FAILURE)
        }
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// What follows from the program, the rules and the sources of the dashboards.
fn sources(program: &Program) -> Result<Vec<Artefact>> {
    let alerts = Alerts::read()?;
    let mut artefacts = program.references()?;
    artefacts.extend(dashboards::all(&alerts)?);
    artefacts.extend(pages::all(program, &alerts)?);
    Ok(artefacts)
}

/// Writes those that differ from their files, or only names them; says how many they are.
fn keep(artefacts: &[Artefact], check: bool) -> Result<usize> {
    let stale: Vec<&Artefact> = artefacts.iter().filter(|artefact| artefact.is_stale()).collect();
    for artefact in &stale {
        if check {
            writeln!(io::stderr(), "{} is not what its source makes of it", artefact.path)?;
        } else {
            artefact.write()?;
        }
    }
    Ok(stale.len())
}
