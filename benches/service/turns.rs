//! Slices that took turns with others, and the rows that come of them.

use crate::report::Row;
use crate::stats::{self, mean, median};

/// Measured slices that stood between reference slices, in the order in which they ran.
#[derive(Default)]
pub struct Turns {
    references: Vec<f64>,
    measured: Vec<(&'static str, f64)>,
}

impl Turns {
    /// Notes a reference slice: one before the first measured slice, and one after each.
    pub fn add_reference(&mut self, value: f64) {
        self.references.push(value);
    }

    /// The latest reference slice; 0 before the first.
    pub fn reference(&self) -> f64 {
        self.references.last().copied().unwrap_or_default()
    }

    /// The median of the reference slices.
    pub fn reference_median(&self) -> f64 {
        median(&self.references)
    }

    /// Notes a measured slice of the series `name`.
    pub fn add(&mut self, name: &'static str, value: f64) {
        self.measured.push((name, value));
    }

    /// The measured values of the series `name`.
    pub fn values(&self, name: &str) -> Vec<f64> {
        self.measured.iter().filter(|(of, _)| *of == name).map(|(_, value)| *value).collect()
    }

    /// Each value of the series `name`, divided by the mean of the reference slices right before and right after it.
    pub fn ratios(&self, name: &str) -> Vec<f64> {
        let neighbours = self.references.windows(2).map(mean);
        let pairs = self.measured.iter().zip(neighbours);
        pairs.filter(|((of, _), _)| *of == name).map(|((_, value), reference)| value / reference).collect()
    }

    /// The row of the series `name`: median values, and the median of its ratios.
    pub fn row(&self, name: &str, title: impl Into<String>, unit: &'static str) -> Row {
        let values = self.values(name);
        let ratios = self.ratios(name);
        let row = Row::new(title, unit, median(&values)).beside(median(&self.references), median(&ratios));
        row.scattered_as(&ratios).samples(values)
    }
}

/// Slices of latencies in seconds, each beside another of which it must not differ much.
#[derive(Default)]
pub struct Pairs {
    measured: Vec<Vec<f64>>,
    reference: Vec<Vec<f64>>,
}

impl Pairs {
    /// Adds a slice and the one beside it.
    pub fn add(&mut self, measured: Vec<f64>, reference: Vec<f64>) {
        self.measured.push(measured);
        self.reference.push(reference);
    }

    /// The row of this percentile: of all latencies together, as far apart as the slices are.
    pub fn row(&self, rank: f64, title: &str) -> Row {
        let millis = |latencies: &[f64]| 1e3 * stats::percentile(latencies, rank);
        let pairs = self.measured.iter().zip(&self.reference);
        let ratios: Vec<_> = pairs.map(|(measured, reference)| millis(measured) / millis(reference)).collect();
        let row = Row::new(title, "ms", millis(&self.measured.concat())).over(millis(&self.reference.concat()));
        row.scattered_as(&ratios)
    }
}
