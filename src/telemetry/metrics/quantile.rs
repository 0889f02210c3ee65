//! Quantiles, estimated from the buckets of a histogram.

/// As `histogram_quantile` of Prometheus estimates it; the lowest bucket begins at 0. `buckets` are upper bounds with
/// cumulative counts.
pub(super) fn quantile(q: f64, buckets: &[(f64, u64)], count: u64) -> Option<f64> {
    if count == 0 {
        return None;
    }
    let rank = q * count as f64;
    let (mut lower, mut below) = (0.0, 0);
    for &(upper, cumulative) in buckets.iter().filter(|(upper, _)| upper.is_finite()) {
        if cumulative as f64 >= rank && cumulative > below {
            return Some(lower + (upper - lower) * (rank - below as f64) / (cumulative - below) as f64);
        }
        (lower, below) = (upper, cumulative);
    }
    Some(lower)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUCKETS: &[(f64, u64)] = &[(1.0, 10), (2.0, 10), (4.0, 90), (f64::INFINITY, 100)];

    #[test]
    fn a_quantile_is_interpolated_within_its_bucket() {
        assert_eq!(quantile(0.05, BUCKETS, 100), Some(0.5));
        assert_eq!(quantile(0.5, BUCKETS, 100), Some(3.0));
    }

    #[test]
    fn a_quantile_beyond_all_buckets_is_the_highest_bound() {
        assert_eq!(quantile(0.99, BUCKETS, 100), Some(4.0));
    }

    #[test]
    fn nothing_observed_has_no_quantile() {
        assert_eq!(quantile(0.5, &[(1.0, 0)], 0), None);
    }
}
