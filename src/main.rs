//! The `neodyme` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    neodyme::cli::run()
}
