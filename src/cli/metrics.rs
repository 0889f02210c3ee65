//! `neodyme metrics`: the inventory of metrics.

use super::output::print;
use super::table::align;
use crate::accounts::{topics, webhooks};
use crate::config::{Config, Sources};
use crate::health;
use crate::operations;
use crate::outbox::series_of;
use crate::telemetry::metrics::{self, Metric, SwitchOffs, inventory, markdown};

pub(super) fn run(as_markdown: bool) -> anyhow::Result<()> {
    metrics::init();
    health::init_metrics();
    // Each route, and each topic, has series of its own, which exist once it does.
    let _routes = (operations::api_routes(&Config::load(&Sources::default())?), operations::ops_routes());
    let _topics: Vec<_> = topics::ALL.iter().map(series_of).collect();
    let _webhooks = webhooks::ABOUT.map(|about| SwitchOffs::new(about.name));
    let metrics = inventory();
    if as_markdown {
        return print(markdown(&metrics));
    }
    let head = ["metric", "type", "labels", "help"].map(String::from);
    print(align(std::iter::once(head).chain(metrics.iter().map(row))))
}

fn row(metric: &Metric) -> [String; 4] {
    let labels: Vec<_> = metric.labels.iter().map(|(name, _)| name.as_str()).collect();
    [metric.name.clone(), metric.kind.into(), labels.join(","), metric.help.clone()]
}
