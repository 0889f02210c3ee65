//! The `neodyme` binary.

use std::process::ExitCode;

use tikv_jemallocator::Jemalloc;

/// The log thread frees what others have allocated: with glibc's allocator they wait for each other.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    neodyme::cli::run()
}
