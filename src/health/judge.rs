//! What is believed of a dependency: one odd check changes nothing, so nothing flaps.

use crate::telemetry::metrics::DependencyStatus;

/// Believes a change once enough checks in a row have seen it.
#[derive(Debug)]
pub(super) struct Judge {
    down_after: u32,
    up_after: u32,
    believed: Option<DependencyStatus>,
    doubt: Option<Doubt>,
}

/// Checks in a row that saw the dependency worse than believed, or better.
#[derive(Clone, Copy, Debug)]
struct Doubt {
    checks: u32,
    /// The least change that all of them saw.
    towards: DependencyStatus,
}

impl Judge {
    pub fn new(down_after: u32, up_after: u32) -> Self {
        Judge { down_after, up_after, believed: None, doubt: None }
    }

    /// What to believe after a check. The first one is believed at once: there is nothing to hold it against.
    pub fn believe(&mut self, seen: DependencyStatus) -> DependencyStatus {
        let believed = *self.believed.get_or_insert(seen);
        if seen == believed {
            self.doubt = None;
            return believed;
        }
        let is_worse = |status| rank(status) > rank(believed);
        let doubt = match self.doubt.filter(|doubt| is_worse(doubt.towards) == is_worse(seen)) {
            Some(Doubt { checks, towards }) => {
                let nearer = distance(seen, believed) < distance(towards, believed);
                Doubt { checks: checks + 1, towards: if nearer { seen } else { towards } }
            }
            None => Doubt { checks: 1, towards: seen },
        };
        let enough = if is_worse(seen) { self.down_after } else { self.up_after };
        if doubt.checks < enough {
            self.doubt = Some(doubt);
            return believed;
        }
        self.doubt = None;
        *self.believed.insert(doubt.towards)
    }

    /// Whether the last check saw something else than what is believed.
    pub fn is_in_doubt(&self) -> bool {
        self.doubt.is_some()
    }
}

fn rank(status: DependencyStatus) -> u8 {
    status as u8
}

fn distance(one: DependencyStatus, other: DependencyStatus) -> u8 {
    rank(one).abs_diff(rank(other))
}

#[cfg(test)]
mod tests {
    use DependencyStatus::{Connected, Error, Slow};
    use proptest::prelude::*;

    use super::*;

    fn believed(down_after: u32, up_after: u32, seen: &[DependencyStatus]) -> Vec<DependencyStatus> {
        let mut judge = Judge::new(down_after, up_after);
        seen.iter().map(|status| judge.believe(*status)).collect()
    }

    #[test]
    fn the_first_check_is_believed() {
        assert_eq!(believed(5, 5, &[Error]), [Error]);
    }

    #[test]
    fn one_odd_check_changes_nothing() {
        assert_eq!(believed(2, 2, &[Connected, Error, Connected, Slow, Connected]), [Connected; 5]);
        assert_eq!(believed(2, 2, &[Error, Connected, Error, Connected, Error]), [Error; 5]);
    }

    #[test]
    fn enough_checks_in_a_row_do() {
        let seen = [Connected, Error, Error, Error, Connected, Connected, Connected];
        assert_eq!(believed(3, 2, &seen), [Connected, Connected, Connected, Error, Error, Connected, Connected]);
    }

    #[test]
    fn the_least_change_that_all_saw_is_believed() {
        assert_eq!(believed(2, 2, &[Connected, Error, Slow]).last(), Some(&Slow));
        assert_eq!(believed(2, 2, &[Connected, Slow, Error]).last(), Some(&Slow));
        assert_eq!(believed(2, 2, &[Error, Connected, Slow]).last(), Some(&Slow));
    }

    #[test]
    fn a_threshold_of_one_believes_every_check() {
        let seen = [Connected, Error, Slow, Connected];
        assert_eq!(believed(1, 1, &seen), seen);
    }

    proptest! {
        #[test]
        fn a_dependency_that_stays_as_it_is_is_believed_in_the_end(
            seen in prop::collection::vec(prop::sample::select(vec![Connected, Slow, Error]), 0..20),
            last in prop::sample::select(vec![Connected, Slow, Error]), down in 1_u32..5, up in 1_u32..5,
        ) {
            let mut judge = Judge::new(down, up);
            seen.iter().for_each(|status| { judge.believe(*status); });
            for _ in 0..=2 * down.max(up) {
                judge.believe(last);
            }
            prop_assert_eq!(judge.believe(last), last);
            prop_assert!(!judge.is_in_doubt());
        }
    }
}
