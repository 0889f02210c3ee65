//! The registry as JSON, for people and scripts that have no Prometheus at hand.

use std::collections::BTreeMap;

use prometheus::proto::{Histogram, LabelPair, MetricType};
use serde::Serialize;
use serde_json::{Number, Value};

use super::quantile::quantile;
use super::registry::REGISTRY;

const NOTE: &str = "p50, p95 and p99 are estimates over the life of the process: interpolated linearly within a bucket, \
                    and never above the highest bound, so that a value there means at least that. They, and avg, are null \
                    without observations. Durations are in seconds, sizes in bytes. Nothing here is a rate.";

/// All metrics.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct Snapshot {
    note: &'static str,
    counters: BTreeMap<String, Vec<Single>>,
    gauges: BTreeMap<String, Vec<Single>>,
    histograms: BTreeMap<String, Vec<Summary>>,
}

#[derive(Debug, Serialize, schemars::JsonSchema)]
struct Single {
    labels: Labels,
    value: Value,
}

#[derive(Debug, Serialize, schemars::JsonSchema)]
struct Summary {
    labels: Labels,
    count: u64,
    sum: Value,
    avg: Value,
    p50: Value,
    p95: Value,
    p99: Value,
}

type Labels = BTreeMap<String, String>;

/// All metrics, as of now.
pub fn snapshot() -> Snapshot {
    let mut snapshot =
        Snapshot { note: NOTE, counters: BTreeMap::new(), gauges: BTreeMap::new(), histograms: BTreeMap::new() };
    for family in REGISTRY.gather() {
        let name = family.name().to_owned();
        let metrics = family.get_metric().iter();
        let labels = |pairs: &[LabelPair]| pairs.iter().map(|p| (p.name().into(), p.value().into())).collect();
        let single = |pairs, value| Single { labels: labels(pairs), value: number(value) };
        match family.get_field_type() {
            MetricType::COUNTER => {
                let all = metrics.map(|metric| single(metric.get_label(), metric.get_counter().value())).collect();
                snapshot.counters.insert(name, all);
            }
            MetricType::HISTOGRAM => {
                let all = metrics.map(|metric| summarise(labels(metric.get_label()), metric.get_histogram())).collect();
                snapshot.histograms.insert(name, all);
            }
            _ => {
                let all = metrics.map(|metric| single(metric.get_label(), metric.get_gauge().value())).collect();
                snapshot.gauges.insert(name, all);
            }
        }
    }
    snapshot
}

fn summarise(labels: Labels, histogram: &Histogram) -> Summary {
    let (count, sum) = (histogram.get_sample_count(), histogram.get_sample_sum());
    let buckets: Vec<(f64, u64)> =
        histogram.get_bucket().iter().map(|bucket| (bucket.upper_bound(), bucket.cumulative_count())).collect();
    let quantile = |q| quantile(q, &buckets, count).map_or(Value::Null, estimate);
    let avg = if count == 0 { Value::Null } else { estimate(sum / count as f64) };
    Summary { labels, count, sum: number(sum), avg, p50: quantile(0.5), p95: quantile(0.95), p99: quantile(0.99) }
}

/// A computed number, to nine places after the point.
fn estimate(value: f64) -> Value {
    number((value * 1e9).round() / 1e9)
}

/// A whole number without a fraction; nothing where JSON has no number for it.
fn number(value: f64) -> Value {
    const EXACT: f64 = (1_u64 << 53) as f64;
    if value.fract() == 0.0 && value.abs() < EXACT {
        return Value::from(value as i64);
    }
    Number::from_f64(value).map_or(Value::Null, Value::Number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_people_write_them() {
        assert_eq!(number(3.0).to_string(), "3");
        assert_eq!(number(0.25).to_string(), "0.25");
        assert_eq!(number(f64::INFINITY), Value::Null);
    }
}
