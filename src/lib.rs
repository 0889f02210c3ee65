//! neodyme: a user-registration service that explains itself.

pub mod build;
pub mod config;
pub mod domain;
pub mod error;
pub mod label;
pub mod metrics;
pub mod password;
