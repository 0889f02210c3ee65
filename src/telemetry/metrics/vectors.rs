//! Vectors of metrics over a closed set of labels: every series exists at once, and is found by an index, without
//! hashing a label.

use std::marker::PhantomData;

use prometheus::core::Collector;
use prometheus::{Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, Opts};

use super::REGISTRY;
use crate::label::LabelSet;

/// A handle for each combination of labels.
pub(super) struct By<L, M> {
    handles: Vec<M>,
    labels: PhantomData<fn(L)>,
}

impl<L: LabelSet, M> By<L, M> {
    fn resolve(handle: impl Fn(&[&str]) -> M) -> Self {
        By { handles: L::all().into_iter().map(|labels| handle(&labels.values())).collect(), labels: PhantomData }
    }

    /// The series of these labels.
    pub(super) fn at(&self, labels: L) -> &M {
        &self.handles[labels.index()]
    }
}

pub(super) type CounterBy<L> = By<L, IntCounter>;
pub(super) type GaugeBy<L> = By<L, Gauge>;
pub(super) type HistogramBy<L> = By<L, Histogram>;

/// Registers a metric. A name is registered twice only by a mistake in this module, which every test would meet.
#[allow(clippy::expect_used, reason = "a mistake in a constant, met by every test")]
pub(super) fn register<C: Collector + Clone + 'static>(metric: Result<C, prometheus::Error>) -> C {
    let metric = metric.expect("a metric's name, labels and buckets are valid");
    REGISTRY.register(Box::new(metric.clone())).expect("a metric is declared once");
    metric
}

/// `neodyme_<name>` with a help text.
pub(super) fn opts(name: &str, help: &str) -> Opts {
    Opts::new(format!("neodyme_{name}"), help)
}

pub(super) fn counter(name: &str, help: &str) -> IntCounter {
    register(IntCounter::with_opts(opts(name, help)))
}

pub(super) fn gauge(name: &str, help: &str) -> Gauge {
    register(Gauge::with_opts(opts(name, help)))
}

pub(super) fn histogram(name: &str, help: &str, buckets: &[f64]) -> Histogram {
    register(Histogram::with_opts(HistogramOpts::from(opts(name, help)).buckets(buckets.to_vec())))
}

pub(super) fn counter_vec(name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
    register(IntCounterVec::new(opts(name, help), labels))
}

pub(super) fn histogram_vec(name: &str, help: &str, labels: &[&str], buckets: &[f64]) -> HistogramVec {
    register(HistogramVec::new(HistogramOpts::from(opts(name, help)).buckets(buckets.to_vec()), labels))
}

pub(super) fn gauge_vec(name: &str, help: &str, labels: &[&str]) -> GaugeVec {
    register(GaugeVec::new(opts(name, help), labels))
}

pub(super) fn counter_by<L: LabelSet>(name: &str, help: &str) -> CounterBy<L> {
    let vec = counter_vec(name, help, &L::names());
    By::resolve(|values| vec.with_label_values(values))
}

pub(super) fn gauge_by<L: LabelSet>(name: &str, help: &str) -> GaugeBy<L> {
    let vec = gauge_vec(name, help, &L::names());
    By::resolve(|values| vec.with_label_values(values))
}

pub(super) fn histogram_by<L: LabelSet>(name: &str, help: &str, buckets: &[f64]) -> HistogramBy<L> {
    let vec = histogram_vec(name, help, &L::names(), buckets);
    By::resolve(|values| vec.with_label_values(values))
}
