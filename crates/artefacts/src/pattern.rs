//! Regular expressions.

use regex::Regex;

/// A pattern that is written in this program.
#[allow(clippy::expect_used, reason = "every run tries it")]
pub fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a regular expression")
}
