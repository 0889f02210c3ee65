//! The benchmark of the service: `cargo bench --bench service` (`make bench`).
//!
//! It starts the release binary with its default settings and measures it beside a reference taken in the same run,
//! slice by slice in turn, so that a machine that speeds up or slows down changes both. The meaning of each row is in
//! `docs/PERFORMANCE.md`. The exit code is 1 when a limit is not met.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "the table and the progress are for whoever runs it")]

mod accounts;
mod bare;
mod client;
mod flood;
mod hash;
mod hashing;
mod health;
mod load;
mod memory;
mod options;
mod outbox;
mod overload;
mod pages;
mod peer;
mod postgres;
mod process;
mod registration;
mod report;
mod scrape;
mod service;
mod startup;
mod stats;
mod turns;
mod usage;

use std::process::ExitCode;

use clap::Parser;

use options::{Group, Options};
use report::{Report, Row};

/// From this load on, as a part of the processors, the machine has something else to do.
const BUSY: f64 = 0.25;

fn main() -> anyhow::Result<ExitCode> {
    let options = Options::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    if let Some(body_bytes) = options.bare_responder {
        runtime.block_on(bare::serve(body_bytes))?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(peer) = &options.peer {
        runtime.block_on(peer::measure(peer, options.seconds))?;
        return Ok(ExitCode::SUCCESS);
    }
    let report = runtime.block_on(measure(&options))?;
    print!("{}", report.table());
    let file = report.write()?;
    eprintln!("written to {}", file.display());
    Ok(if report.passed() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn measure(options: &Options) -> anyhow::Result<Report> {
    let load = usage::machine_load()?;
    if load > BUSY {
        eprintln!("the machine is busy with something else (load {load:.2} of 1): figures will be poor");
    }
    let mut report = Report::new(options.quick, load);
    for group in options.groups() {
        eprintln!("measuring {group}");
        let mut rows = measure_group(group, options).await?;
        if rows.iter().any(Row::is_undecided) {
            eprintln!("{group} is not decided: measuring once more, for longer");
            rows = measure_group(group, &options.longer()).await?;
        }
        report.add(rows);
    }
    Ok(report)
}

async fn measure_group(group: Group, options: &Options) -> anyhow::Result<Vec<Row>> {
    match group {
        Group::Startup => startup::measure(options).await,
        Group::Health => health::measure(options).await,
        Group::Hash => hash::measure(options),
        Group::Registration => registration::measure(options).await,
        Group::Accounts => accounts::measure(options).await,
        Group::Pages => pages::measure(options).await,
        Group::Outbox => outbox::measure(options).await,
        Group::Flood => flood::measure(options).await,
        Group::Overload => overload::measure(options).await,
        Group::Scrape => scrape::measure(options).await,
        Group::Memory => memory::measure(options).await,
    }
}
