//! Fuzz targets: whatever reads bytes of strangers gets any bytes, and what must hold of its answer is asserted.
//!
//! A target is a module with a function `check`, which panics where something does not hold. Two programs call it:
//! `tests/fuzz.rs` with a bounded number of inputs, the same in each run, as part of the tests; and libFuzzer
//! (`targets/`, `make fuzz`), which is led by the branches that an input takes, for as long as wanted. The inputs that both
//! begin with are in `corpus/`, in a folder for each target.

pub mod access_token;
pub mod analytics;
pub mod body;
pub mod config_file;
pub mod database_url;
pub mod environment;
pub mod fields;
pub mod headers;
pub mod http1;
pub mod http2;
pub mod import;
pub mod log_level;
pub mod log_line;
pub mod payload;
pub mod query;
pub mod smtp;
pub mod token;
pub mod webhook;

mod configuration;
mod jobs;
mod peer;
mod runtime;
mod service;
mod shown;
