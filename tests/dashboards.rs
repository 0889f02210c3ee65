//! The dashboards answer: they follow the rules of Grafana's linter, lead on, and every query of every panel shows something.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends by panicking")]

mod common;
#[path = "dashboards/links.rs"]
mod links;
#[path = "dashboards/live.rs"]
mod live;
#[path = "dashboards/model.rs"]
mod model;
#[path = "dashboards/rules.rs"]
mod rules;
#[path = "dashboards/thresholds.rs"]
mod thresholds;
#[path = "dashboards/trouble.rs"]
mod trouble;
