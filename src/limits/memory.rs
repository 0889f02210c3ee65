//! Memory and address space. An allocation that fails ends the process, so what may be needed is added up before.

use std::fmt;

use procfs::{Current, Meminfo};
use rustix::process::{Resource, getrlimit};

use super::descriptors::Descriptors;
use super::threads::Threads;
use super::too_little::TooLittle;
use crate::config::{Config, DatabaseUrl};
use crate::health::cgroup::Cgroups;

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

/// What an idle service has in RAM, and what it takes of the address space: the program, its libraries, what the allocator
/// keeps at hand.
const IDLE: u64 = 32 * MIB;
const PROGRAM: u64 = 128 * MIB;
/// The stack of a thread.
const STACK: u64 = 2 * MIB;
/// What the C library sets aside for a thread that allocates through it, as SQLite does; for eight threads a core at most.
const ARENA: u64 = 64 * MIB;
/// The caches of SQLite's connections; a connection to PostgreSQL.
const SQLITE: u64 = 8 * MIB;
const POSTGRES: u64 = MIB;
/// A connection of a client, besides the headers that it sends: on HTTP/2 what is not read yet, and an answer.
const CONNECTION: u64 = 320 * KIB;

/// What the service may come to need, in bytes, and what for.
struct Part(u64, &'static str);

/// All that it may come to need.
pub(super) struct Memory {
    hashes: Part,
    database: Part,
    clients: Part,
    stacks: Part,
    arenas: Part,
}

impl Memory {
    pub fn of(config: &Config, threads: &Threads, descriptors: &Descriptors) -> Self {
        let (http, most) = (&config.http, threads.most() as u64);
        let connections = (descriptors.api + descriptors.ops) as u64;
        let bodies = (http.max_requests_in_flight + http.max_late_bodies) as u64;
        let database = match config.database.url {
            DatabaseUrl::Sqlite { .. } => SQLITE,
            DatabaseUrl::Postgres(_) => config.database.pool_size as u64 * POSTGRES,
        };
        let clients =
            connections * (http.max_header_bytes as u64 + CONNECTION) + bodies * http.max_body_bytes as u64 * 2;
        let hashes = threads.hashing as u64 * u64::from(config.password.memory_kib) * KIB;
        Memory {
            hashes: Part(hashes, "password_hash_workers times password_argon2_memory_kib"),
            database: Part(database, "the database's connections"),
            clients: Part(clients, "http_max_connections of clients"),
            stacks: Part(most * STACK, "the stacks of threads"),
            arenas: Part(most.min(8 * threads.runtime as u64) * ARENA, "the C library's pools for threads"),
        }
    }

    /// Holds it against the limits of this process, of its control group and of the machine.
    pub fn check(&self) -> Result<(), TooLittle> {
        let Memory { hashes, database, clients, stacks, arenas } = self;
        let (space, data) = (getrlimit(Resource::As).current, getrlimit(Resource::Data).current);
        let (program, idle) = (&Part(PROGRAM, "the program"), &Part(IDLE, "the idle service"));
        let all = [program, hashes, database, clients, stacks, arenas];
        hold("address space (ulimit -v, LimitAS= of systemd)", space, &all)?;
        hold("private memory (ulimit -d, LimitDATA= of systemd)", data, &all[..5])?;
        let whose =
            "memory (MemoryMax= of systemd, --memory of Docker, resources.limits of Kubernetes, or the machine)";
        hold(whose, memory(), &[idle, hashes, database])
    }
}

/// Looks whether the parts are within a limit.
fn hold(what: &str, limit: Option<u64>, parts: &[&Part]) -> Result<(), TooLittle> {
    let needed = parts.iter().map(|part| part.0).sum();
    let Some(limit) = limit.filter(|limit| *limit < needed) else { return Ok(()) };
    let parts: Vec<_> = parts.iter().map(ToString::to_string).collect();
    Err(TooLittle(format!(
        "{} of {what} are too little for these settings, which may need {}: {}; raise the limit, or lower the settings",
        Mebibytes(limit),
        Mebibytes(needed),
        parts.join(", ")
    )))
}

/// What this process may have in RAM: of its control group, or of the machine.
fn memory() -> Option<u64> {
    let machine = Meminfo::current().ok().map(|memory| memory.mem_total);
    let group = Cgroups::of_this_process().memory().map(|share| share.limit as u64);
    machine.into_iter().chain(group).min()
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} for {}", Mebibytes(self.0), self.1)
    }
}

/// Bytes, for people.
struct Mebibytes(u64);

impl fmt::Display for Mebibytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} MiB", self.0.div_ceil(MIB))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_little_is_said_with_its_parts() {
        let parts = [&Part(38 * MIB, "hashes"), &Part(MIB / 2, "the rest")];
        assert!(hold("memory", None, &parts).is_ok());
        assert!(hold("memory", Some(39 * MIB), &parts).is_ok());
        let refusal = hold("memory", Some(38 * MIB), &parts).unwrap_err().to_string();
        assert!(
            refusal.starts_with("38 MiB of memory are too little for these settings, which may need 39 MiB"),
            "{refusal}"
        );
        assert!(refusal.contains("38 MiB for hashes, 1 MiB for the rest"), "{refusal}");
    }
}
