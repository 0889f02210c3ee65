//! A line of the last hour as the path of an SVG: no script, no file, and words for those who do not see it.

use serde::Serialize;

use crate::telemetry::history::MINUTES;

/// Width of the drawing: two units a minute.
const WIDTH: usize = 2 * MINUTES;
/// Height of the drawing, and of the space in it for the line.
const HEIGHT: f64 = 32.0;
const INNER: f64 = 28.0;

/// What is drawn.
#[derive(Debug, Serialize)]
pub(super) struct Spark {
    width: usize,
    height: f64,
    path: String,
    /// Where the limit is, if it is in the drawing.
    limit: Option<f64>,
    label: String,
}

/// Draws these values, one a minute, of which the last is now. A minute without a value leaves a gap. The scale begins at 0
/// and ends at the highest value, or at `top` if that is higher.
pub(super) fn spark(values: &[Option<f64>], top: f64, limit: Option<f64>, label: String) -> Spark {
    let highest = values.iter().flatten().copied().fold(top, f64::max);
    let y = |value: f64| HEIGHT - 2.0 - INNER * (value / highest);
    let first = MINUTES.saturating_sub(values.len());
    let mut path = String::new();
    let mut is_drawn = false;
    for (index, value) in values.iter().enumerate() {
        let Some(value) = value else {
            is_drawn = false;
            continue;
        };
        let (x, y) = (2 * (first + index) + 1, y(*value));
        // A step of no length is a dot where no line follows.
        path += &if is_drawn { format!("L{x} {y:.1}") } else { format!("M{x} {y:.1}h0") };
        is_drawn = true;
    }
    let limit = limit.filter(|limit| *limit <= highest).map(y);
    Spark { width: WIDTH, height: HEIGHT, path, limit, label }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_value_is_at_the_right_and_the_highest_at_the_top() {
        let spark = spark(&[Some(0.0), Some(4.0)], 1.0, None, String::new());
        assert_eq!((spark.path.as_str(), spark.limit), ("M117 30.0h0L119 2.0", None));
    }

    #[test]
    fn a_minute_without_a_value_leaves_a_gap() {
        let spark = spark(&[Some(1.0), None, Some(1.0)], 1.0, None, String::new());
        assert_eq!(spark.path, "M115 2.0h0M119 2.0h0");
    }

    #[test]
    fn the_scale_has_room_for_what_is_usual() {
        let spark = spark(&[Some(0.25)], 0.5, Some(0.5), String::new());
        assert_eq!((spark.path.as_str(), spark.limit), ("M119 16.0h0", Some(2.0)));
    }
}
