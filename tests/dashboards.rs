//! The dashboards answer, and do not mislead: what they ask for is there, every query of every panel shows something, and colours
//! mean states.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends by panicking")]

#[path = "dashboards/colors.rs"]
mod colors;
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
