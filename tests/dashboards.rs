//! The dashboards answer: what they ask for is there, and every query of every panel shows something.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends by panicking")]

mod common;
#[path = "dashboards/links.rs"]
mod links;
#[path = "dashboards/live.rs"]
mod live;
#[path = "dashboards/metrics.rs"]
mod metrics;
#[path = "dashboards/model.rs"]
mod model;
#[path = "dashboards/trouble.rs"]
mod trouble;
