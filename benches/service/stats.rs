//! Means, medians and percentiles.

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
