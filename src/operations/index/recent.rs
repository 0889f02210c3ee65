//! The last minutes, which are what "now" means on the page.

use crate::telemetry::history::{Span, sum};
use crate::telemetry::metrics::{Asked, Dependency};

/// Minutes that are now.
pub(super) const MINUTES: usize = 5;

/// Now, of these minutes.
pub(super) fn now(minutes: &[Span]) -> Span {
    sum(&minutes[minutes.len().saturating_sub(MINUTES)..])
}

/// What was asked last of something that the service depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LastAsked {
    /// Within minutes.
    pub(super) asked: Asked,
    /// How many minutes ago the last of these was.
    pub(super) minutes_ago: usize,
}

/// Where nothing was asked for a while, what was asked before that still counts.
pub(super) fn last_asked(minutes: &[Span], dependency: Dependency) -> Option<LastAsked> {
    let last = minutes.iter().rposition(|minute| minute.counts.asked(dependency).times > 0)?;
    let asked = now(&minutes[..=last]).counts.asked(dependency);
    Some(LastAsked { asked, minutes_ago: minutes.len() - 1 - last })
}
