//! Threads: how many there may come to be, and whether the system gives those that are needed from the start.

use std::io;
use std::num::NonZero;
use std::sync::RwLock;
use std::thread::{Builder, available_parallelism, scope};

use super::too_little::TooLittle;
use crate::accounts::topics;
use crate::config::Config;

/// Threads that block and have a bound of their own: [`App::large_answers`](crate::state::App::large_answers), SQLite's
/// connections, a check of each kind, the figures of the machine.
const BLOCKING: usize = 16;
/// Those of them that an idle service has.
const BLOCKING_WHEN_IDLE: usize = 5;
/// The log, mail in files, and the allocator's own.
const OTHERS: usize = 6;

/// How many threads there may be of each kind.
#[derive(Clone, Copy, Debug)]
pub struct Threads {
    /// Those that run async tasks: one for each core.
    pub runtime: usize,
    /// Those that hash passwords.
    pub hashing: usize,
    /// Those that block, at most: one for each thing that may do so at the same time, so that none waits behind one that
    /// hangs. A connection to the database, to the mail server, to the analytics service or to the endpoint of a webhook looks up a host's name.
    pub blocking: usize,
}

impl Threads {
    pub(super) fn of(config: &Config) -> Self {
        let cores = available_parallelism().map_or(1, NonZero::get);
        let hashing = if config.password.workers == 0 { cores } else { config.password.workers };
        let topics = topics::in_use(&config.webhook);
        let calls: usize = topics.iter().map(|topic| (topic.settings)(&config.outbox).concurrency).sum();
        let blocking = BLOCKING + config.database.pool_size + calls;
        Threads { runtime: cores, hashing, blocking }
    }

    /// All of them.
    pub(super) fn most(&self) -> usize {
        self.runtime + self.hashing + self.blocking + OTHERS
    }

    /// Starts as many threads as an idle service has, and lets them end.
    pub(super) fn rehearse(&self) -> Result<(), TooLittle> {
        let needed = self.runtime + self.hashing + BLOCKING_WHEN_IDLE + OTHERS;
        start(needed).map_err(|error| {
            TooLittle(format!(
                "the service needs at least {needed} threads at once, and the system does not give them ({error}); raise its \
                 limits (TasksMax= and LimitNPROC= of systemd, --pids-limit of Docker, ulimit -u), or lower \
                 password_hash_workers ({})",
                self.hashing
            ))
        })
    }
}

/// Has so many threads at once.
fn start(threads: usize) -> io::Result<()> {
    let gate = RwLock::new(());
    scope(|scope| {
        let closed = gate.write();
        let started = (0..threads).try_for_each(|_| {
            let wait = || drop(gate.read());
            Builder::new().spawn_scoped(scope, wait).map(drop)
        });
        drop(closed);
        started
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_that_the_system_gives_are_started_and_ended() {
        start(16).unwrap();
    }
}
