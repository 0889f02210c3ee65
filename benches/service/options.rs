//! The command line of the benchmark, and how long each part takes.

use std::fmt;
use std::time::Duration;

use clap::{Parser, ValueEnum};

/// A part of the benchmark that can be run on its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Group {
    /// From the start of the process to the first 200.
    Startup,
    /// `GET /health/` beside a bare hyper responder.
    Health,
    /// The password hash beside the `argon2` crate.
    Hash,
    /// `POST /users/` on both databases beside the hash pool alone.
    Registration,
    /// Sign-ins, refreshes, and requests with a token.
    Accounts,
    /// Pages of few users and of many.
    Pages,
    /// A backlog of the outbox, and what it does to a registration.
    Outbox,
    /// What a flood from one address does to the registrations of another.
    Flood,
    /// Ten times the load that the service can take.
    Overload,
    /// The cost of a scrape, and what it does to a registration.
    Scrape,
    /// Resident memory, idle and after many registrations.
    Memory,
}

impl fmt::Display for Group {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Group::Startup => "startup",
            Group::Health => "health",
            Group::Hash => "hash",
            Group::Registration => "registration",
            Group::Accounts => "accounts",
            Group::Pages => "pages",
            Group::Outbox => "outbox",
            Group::Flood => "flood",
            Group::Overload => "overload",
            Group::Scrape => "scrape",
            Group::Memory => "memory",
        })
    }
}

/// Measures the release binary of neodyme with its default settings.
#[derive(Clone, Debug, Parser)]
pub struct Options {
    /// Fewer slices: a look, not a measurement.
    #[arg(long)]
    pub quick: bool,
    /// Measure only this part; may be given more than once.
    #[arg(long, value_enum)]
    pub only: Vec<Group>,
    /// Internal: serve a fixed body of this many bytes with hyper and nothing else.
    #[arg(long, hide = true)]
    pub bare_responder: Option<usize>,
    /// Internal: register at another service, `NAME http://ADDRESS/PATH`; see benches/peers.
    #[arg(long, hide = true)]
    pub peer: Option<String>,
    /// Internal: for so many seconds.
    #[arg(long, hide = true, default_value_t = 20)]
    pub seconds: u64,
    #[arg(skip)]
    is_longer: bool,
    /// Given by `cargo bench`.
    #[arg(long, hide = true)]
    bench: bool,
}

impl Options {
    /// The parts to measure, in the order of the table.
    pub fn groups(&self) -> Vec<Group> {
        let all = Group::value_variants().iter().copied();
        all.filter(|group| self.only.is_empty() || self.only.contains(group)).collect()
    }

    /// The same, with three times as many rounds.
    pub fn longer(&self) -> Options {
        Options { is_longer: true, ..self.clone() }
    }

    /// How many times a measured slice and its reference take turns.
    pub fn rounds(&self) -> usize {
        let rounds = if self.quick { 3 } else { 15 };
        if self.is_longer { 3 * rounds } else { rounds }
    }

    /// The length of one slice.
    pub fn slice(&self) -> Duration {
        Duration::from_secs(2)
    }

    /// How long the overload lasts.
    pub fn overload(&self) -> Duration {
        Duration::from_secs(if self.quick { 10 } else { 60 })
    }

    /// The length of one slice of hashes, of which there are many.
    pub fn hash_slice(&self) -> Duration {
        Duration::from_millis(500)
    }

    /// How many registrations the memory part makes.
    pub fn registrations(&self) -> u64 {
        if self.quick { 500 } else { 10_000 }
    }

    /// How many users are many.
    pub fn users(&self) -> usize {
        if self.quick { 100_000 } else { 1_000_000 }
    }

    /// How many scrapes of each format are averaged.
    pub fn scrapes(&self) -> u32 {
        if self.quick { 100 } else { 500 }
    }

    /// How many starts the median is taken of.
    pub fn starts(&self) -> usize {
        if self.quick { 3 } else { 10 }
    }
}
