//! neodyme: a user-registration service that explains itself.

pub mod analytics;
pub mod app;
pub mod build;
pub mod cli;
pub mod config;
pub mod db;
pub mod domain;
pub mod error;
pub mod handlers;
pub mod http;
pub mod label;
pub mod lifecycle;
pub mod logging;
pub mod mail;
pub mod metrics;
pub mod outbox;
pub mod password;
pub mod registration;
pub mod server;
pub mod timestamp;
