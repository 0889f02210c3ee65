//! Medians, percentiles, and ratios of slices that took turns.

use crate::report::Row;

/// The middle value; 0 of nothing.
pub fn median(values: &[f64]) -> f64 {
    percentile(values, 0.5)
}

/// The value below which the fraction `rank` (0 to 1) of the values lies, interpolated; 0 of nothing.
pub fn percentile(values: &[f64], rank: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else { return 0.0 };
    let position = rank * last as f64;
    let (low, high) = (sorted[position.floor() as usize], sorted[position.ceil() as usize]);
    low + (high - low) * position.fract()
}

/// The arithmetic mean; 0 of nothing.
pub fn mean(values: &[f64]) -> f64 {
    if values.is_empty() { 0.0 } else { values.iter().sum::<f64>() / values.len() as f64 }
}

/// How far the median of values like these differs from run to run, in 95 of 100 runs: from their median absolute
/// deviation, as if they were normal. 0 of fewer than three.
pub fn error_of_median(values: &[f64]) -> f64 {
    let middle = median(values);
    let deviations: Vec<_> = values.iter().map(|value| (value - middle).abs()).collect();
    let deviation = 1.4826 * median(&deviations);
    if values.len() < 3 { 0.0 } else { 1.96 * 1.2533 * deviation / (values.len() as f64).sqrt() }
}

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
