//! The `neodyme` binary.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// A request's read buffer makes glibc's allocator tidy up what the log thread has freed, each time: a tenth of the
/// CPU time of a health request (docs/PERFORMANCE.md).
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    neodyme::cli::run()
}
