//! The welcome email: how it looks, how it travels, and what a mail server that misbehaves does to a job.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends by panicking")]

#[path = "mail/cli.rs"]
mod cli;
mod common;
#[path = "mail/connections.rs"]
mod connections;
#[path = "mail/files.rs"]
mod files;
#[path = "mail/fixture.rs"]
mod fixture;
#[path = "mail/introduction.rs"]
mod introduction;
#[path = "mail/message.rs"]
mod message;
#[path = "mail/refusals.rs"]
mod refusals;
#[path = "mail/security.rs"]
mod security;
#[path = "mail/silence.rs"]
mod silence;
