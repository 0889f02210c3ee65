//! How a metric is declared: by one line, over a closed set of labels. Every series exists at once, and is found by an index,
//! without hashing a label.

use std::marker::PhantomData;

use prometheus::core::Collector;
use prometheus::{
    Counter, CounterVec, Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, Opts,
};

use super::registry::REGISTRY;
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

/// What a metric's line says.
pub(super) struct Line {
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    /// The label names, where the type does not know them.
    pub(super) labels: &'static [&'static str],
    pub(super) buckets: &'static [f64],
}

impl Line {
    fn opts(&self) -> Opts {
        opts(self.name, self.help)
    }

    fn histogram_opts(&self) -> HistogramOpts {
        HistogramOpts::from(self.opts()).buckets(self.buckets.to_vec())
    }
}

/// A type of metric.
pub(super) trait Declare {
    /// Registers the metric of this line.
    fn declare(line: Line) -> Self;
}

impl Declare for IntCounter {
    fn declare(line: Line) -> Self {
        register(IntCounter::with_opts(line.opts()))
    }
}

impl Declare for Counter {
    fn declare(line: Line) -> Self {
        register(Counter::with_opts(line.opts()))
    }
}

impl Declare for Gauge {
    fn declare(line: Line) -> Self {
        register(Gauge::with_opts(line.opts()))
    }
}

impl Declare for Histogram {
    fn declare(line: Line) -> Self {
        register(Histogram::with_opts(line.histogram_opts()))
    }
}

impl Declare for IntCounterVec {
    fn declare(line: Line) -> Self {
        register(IntCounterVec::new(line.opts(), line.labels))
    }
}

impl Declare for GaugeVec {
    fn declare(line: Line) -> Self {
        register(GaugeVec::new(line.opts(), line.labels))
    }
}

impl Declare for HistogramVec {
    fn declare(line: Line) -> Self {
        register(HistogramVec::new(line.histogram_opts(), line.labels))
    }
}

impl<L: LabelSet> Declare for CounterBy<L> {
    fn declare(line: Line) -> Self {
        let vec = register(IntCounterVec::new(line.opts(), &L::names()));
        By::resolve(|values| vec.with_label_values(values))
    }
}

impl<L: LabelSet> Declare for By<L, Counter> {
    fn declare(line: Line) -> Self {
        let vec = register(CounterVec::new(line.opts(), &L::names()));
        By::resolve(|values| vec.with_label_values(values))
    }
}

impl<L: LabelSet> Declare for GaugeBy<L> {
    fn declare(line: Line) -> Self {
        let vec = register(GaugeVec::new(line.opts(), &L::names()));
        By::resolve(|values| vec.with_label_values(values))
    }
}

impl<L: LabelSet> Declare for HistogramBy<L> {
    fn declare(line: Line) -> Self {
        let vec = register(HistogramVec::new(line.histogram_opts(), &L::names()));
        By::resolve(|values| vec.with_label_values(values))
    }
}

/// Declares metrics, one line each, and the function that touches them all, so that the first scrape has every series.
///
/// ```ignore
/// metrics! { init;
///     STEPS: HistogramBy<(Step, StepOutcome)> = "registration_step_duration_seconds" in INTERNAL, "Time spent in each step.";
///     CANCELLED: IntCounterVec = "http_requests_cancelled_total" ["route"], "Requests whose client went away.";
/// }
/// ```
macro_rules! metrics {
    ($init:ident; $($name:ident: $type:ty = $metric:literal $([$($label:literal),+])? $(in $buckets:expr)?, $help:literal;)+) => {
        lazy_static::lazy_static! {
            $(static ref $name: $type = $crate::telemetry::metrics::declare::Declare::declare(
                $crate::telemetry::metrics::declare::Line {
                    name: $metric,
                    help: $help,
                    labels: &[$($($label),+)?],
                    buckets: $crate::telemetry::metrics::declare::metrics!(@buckets $($buckets)?),
                },
            );)+
        }

        pub(super) fn $init() {
            $(lazy_static::initialize(&$name);)+
        }
    };
    (@buckets) => { &[] };
    (@buckets $buckets:expr) => { $buckets };
}

pub(super) use metrics;
