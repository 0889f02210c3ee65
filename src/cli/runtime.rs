//! The runtime of a subcommand that ends by itself.

use std::fs::File;
use std::io;

use anyhow::Context;

/// The files that the runtime opens at its start. Where it cannot, it may panic.
const FILES_OF_THE_RUNTIME: usize = 6;

/// Runs a task of a subcommand that ends by itself. (Migrations need a runtime of several threads.)
pub(super) fn block_on<T>(task: impl Future<Output = T>) -> anyhow::Result<T> {
    const FAILED: &str = "cannot start the runtime";
    let room: io::Result<Vec<_>> = (0..FILES_OF_THE_RUNTIME).map(|_| File::open("/dev/null")).collect();
    drop(room.context(FAILED)?);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    Ok(runtime.context(FAILED)?.block_on(task))
}
