//! The inventory: every metric, read off the registry itself, so that it cannot say anything else.

use std::collections::BTreeMap;
use std::fmt::Write;

use prometheus::proto::{MetricFamily, MetricType};

use super::http;
use super::registry::REGISTRY;

/// No instance has more series, whatever clients send, so that many of them fit into one Prometheus.
pub const MOST_SERIES: usize = 2750;
/// Labels with more values than this are shown by their number.
const MOST_VALUES_SHOWN: usize = 24;

/// One metric, as the inventory lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metric {
    /// Its full name.
    pub name: String,
    /// `counter`, `gauge` or `histogram`.
    pub kind: &'static str,
    /// Each label with the values it takes, in their order.
    pub labels: Vec<(String, Vec<String>)>,
    /// What it means.
    pub help: String,
    /// How many series it has, buckets and sums counted.
    pub series: usize,
}

pub(super) fn all() -> Vec<Metric> {
    REGISTRY.gather().iter().map(describe).collect()
}

fn describe(family: &MetricFamily) -> Metric {
    let mut labels: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for pair in family.get_metric().iter().flat_map(|metric| metric.get_label()) {
        let values = labels.entry(pair.name()).or_default();
        if !values.iter().any(|value| value == pair.value()) {
            values.push(pair.value().to_owned());
        }
    }
    let (kind, per_tuple) = match family.get_field_type() {
        MetricType::COUNTER => ("counter", 1),
        MetricType::HISTOGRAM => {
            let buckets = family.get_metric().first().map_or(0, |metric| metric.get_histogram().get_bucket().len());
            ("histogram", buckets + 3)
        }
        _ => ("gauge", 1),
    };
    Metric {
        name: family.name().to_owned(),
        kind,
        labels: labels.into_iter().map(|(name, values)| (name.to_owned(), values)).collect(),
        help: family.help().to_owned(),
        series: per_tuple * family.get_metric().len(),
    }
}

/// The inventory as `docs/METRICS.md`.
pub fn markdown(metrics: &[Metric]) -> String {
    let mut page = String::from(
        "# Metrics\n\nWritten by `neodyme metrics --markdown`; `make lint` fails when it is stale. Every series is there, at 0, \
         from the first scrape on.\nDurations are seconds, sizes bytes, points in time seconds since the epoch \
         (0 = never).\n\n| Metric | Type | Labels | Meaning |\n|---|---|---|---|\n",
    );
    for metric in metrics {
        let labels: Vec<String> = metric.labels.iter().map(|(name, values)| show_label(name, values)).collect();
        let _ = writeln!(page, "| `{}` | {} | {} | {} |", metric.name, metric.kind, labels.join("<br>"), metric.help);
    }
    let series: usize = metrics.iter().map(|metric| metric.series).sum();
    let _ = write!(
        page,
        "\n{} metrics, {series} series per instance; there shall be no more than {MOST_SERIES}. An endpoint costs about {}: {} for its \
         time, one for each status that it answers with, and those of its path.\n",
        metrics.len(),
        cost_of_endpoint(metrics),
        http::SERIES_OF_TIME,
    );
    page
}

/// How many series an endpoint has on average, its share in those of its path included.
fn cost_of_endpoint(metrics: &[Metric]) -> usize {
    let by_route = metrics.iter().filter(|metric| metric.labels.iter().any(|(label, _)| label == "route"));
    let (of_all, of_time) = by_route.fold((0, 0), |(all, time), metric| {
        let is_time = metric.name.ends_with("_request_duration_seconds");
        (all + metric.series, time + if is_time { metric.series } else { 0 })
    });
    (of_all * http::SERIES_OF_TIME).div_ceil(of_time.max(1))
}

fn show_label(name: &str, values: &[String]) -> String {
    match name {
        "version" | "revision" | "rustc" | "process" => format!("`{name}`"),
        _ if values.len() > MOST_VALUES_SHOWN => format!("`{name}`: {} values", values.len()),
        _ => format!("`{name}`: {}", values.join(", ")),
    }
}
