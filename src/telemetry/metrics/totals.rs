//! What has happened, as numbers of which two moments can be compared.

use super::asked::Asked;
use super::external::ExternalService;
use super::health::Dependency;
use super::quantile::quantile;
use super::registration::RegistrationOutcome;
use super::registry::{LATENCY, LATENCY_BUCKETS};
use super::sign_in::SignInOutcome;
use super::{database, errors, external, registration, sign_in};
use crate::error::{ErrorCode, ErrorKind};

const OUTCOMES: usize = RegistrationOutcome::ALL.len();
/// Error types that are no everyday business come first in their table, and are counted one by one; the others together.
const TYPES: usize = {
    let mut types = 0;
    while types < ErrorCode::ALL.len() && !is_expected(ErrorCode::ALL[types]) {
        types += 1;
    }
    types
};
const TOOK: usize = OUTCOMES;
const ERRORS: usize = TOOK + LATENCY_BUCKETS;
const ASKED: usize = ERRORS + TYPES + 1;
const SIGN_INS: usize = ASKED + 2 * Dependency::ALL.len();
const SIGNING_IN_TOOK: usize = SIGN_INS + SignInOutcome::ALL.len();
const SIZE: usize = SIGNING_IN_TOOK + LATENCY_BUCKETS;

/// Numbers since the start, or of a shorter time, for which smaller ones do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Totals<N = u64>([N; SIZE]);

const fn is_expected(code: ErrorCode) -> bool {
    matches!(code.kind(), ErrorKind::Expected)
}

impl<N: Copy + Default> Default for Totals<N> {
    fn default() -> Self {
        Totals([N::default(); SIZE])
    }
}

/// The numbers since the start, as of now. Costs microseconds.
pub fn totals() -> Totals {
    let mut totals = Totals::default();
    let registrations = registration::by_outcome();
    for outcome in RegistrationOutcome::ALL {
        totals.0[*outcome as usize] = registrations.get(outcome.as_str()).copied().unwrap_or_default();
    }
    totals.0[TOOK..ERRORS].copy_from_slice(&registration::took());
    for code in ErrorCode::ALL {
        totals.0[ERRORS + (*code as usize).min(TYPES)] += errors::of_type(*code);
    }
    for dependency in Dependency::ALL {
        let Asked { times, failed } = match dependency {
            Dependency::Database => database::asked(),
            Dependency::Email => external::asked(ExternalService::Email),
            Dependency::Analytics => external::asked(ExternalService::Analytics),
        };
        let at = ASKED + 2 * *dependency as usize;
        totals.0[at..at + 2].copy_from_slice(&[times, failed]);
    }
    let sign_ins = sign_in::by_outcome();
    for outcome in SignInOutcome::ALL {
        totals.0[SIGN_INS + *outcome as usize] = sign_ins.get(outcome.as_str()).copied().unwrap_or_default();
    }
    totals.0[SIGNING_IN_TOOK..].copy_from_slice(&sign_in::took());
    totals
}

impl Totals {
    /// Numbers of a test: outcomes of registrations.
    #[cfg(test)]
    pub fn of_registrations(counts: &[(RegistrationOutcome, u64)]) -> Self {
        let mut totals = Totals::default();
        counts.iter().for_each(|(outcome, count)| totals.0[*outcome as usize] = *count);
        totals
    }

    /// What has happened since an earlier moment.
    pub fn since(&self, before: &Totals) -> Totals<u32> {
        let new = |index: usize| self.0[index].saturating_sub(before.0[index]);
        Totals(std::array::from_fn(|index| u32::try_from(new(index)).unwrap_or(u32::MAX)))
    }
}

impl Totals<u32> {
    /// Adds what has happened in another time.
    pub fn add(&mut self, other: &Totals<u32>) {
        self.0.iter_mut().zip(other.0).for_each(|(number, other)| *number = number.saturating_add(other));
    }

    /// Registrations that ended so.
    pub fn registrations(&self, outcome: RegistrationOutcome) -> u32 {
        self.0[outcome as usize]
    }

    /// Errors of this type, which is no everyday business.
    pub fn errors_of(&self, code: ErrorCode) -> u32 {
        if is_expected(code) { 0 } else { self.0[ERRORS + code as usize] }
    }

    /// Errors of this kind.
    pub fn errors(&self, kind: ErrorKind) -> u32 {
        let of_kind = ErrorCode::ALL[..TYPES].iter().filter(|code| code.kind() == kind);
        let expected = if kind == ErrorKind::Expected { self.0[ERRORS + TYPES] } else { 0 };
        of_kind.fold(expected, |sum, code| sum.saturating_add(self.errors_of(*code)))
    }

    /// What was asked of something that the service depends on.
    pub fn asked(&self, dependency: Dependency) -> Asked {
        let at = ASKED + 2 * dependency as usize;
        Asked { times: self.0[at].into(), failed: self.0[at + 1].into() }
    }

    /// Sign-ins that ended so.
    pub fn sign_ins(&self, outcome: SignInOutcome) -> u32 {
        self.0[SIGN_INS + outcome as usize]
    }

    /// How long successful registrations took.
    pub fn registrations_took(&self) -> Took<'_> {
        Took(&self.0[TOOK..ERRORS])
    }

    /// How long successful sign-ins took.
    pub fn sign_ins_took(&self) -> Took<'_> {
        Took(&self.0[SIGNING_IN_TOOK..])
    }
}

/// How many took no longer than each bound of the histogram, and how many there were.
pub struct Took<'a>(&'a [u32]);

impl Took<'_> {
    /// Those that took longer than this, in seconds; exact for the bounds of the histogram.
    pub fn slower_than(&self, bound: f64) -> u32 {
        let bounded = LATENCY.iter().zip(self.0);
        let within = bounded.take_while(|(upper, _)| **upper <= bound).last().map_or(0, |(_, count)| *count);
        self.all().saturating_sub(within)
    }

    /// The time that this part of them did not exceed, in seconds, as Prometheus estimates it.
    pub fn quantile(&self, part: f64) -> Option<f64> {
        let buckets: Vec<_> = LATENCY.iter().copied().zip(self.0.iter().map(|count| u64::from(*count))).collect();
        quantile(part, &buckets, self.all().into())
    }

    fn all(&self) -> u32 {
        self.0.last().copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_type_has_its_place() {
        let of_others = ErrorCode::ALL.iter().skip(TYPES).filter(|code| !is_expected(**code)).count();
        assert_eq!(of_others, 0, "expected types come last in the table of error types");
        let before = totals();
        errors::error(ErrorCode::SecurityViolation, None, None);
        errors::error(ErrorCode::NotFound, None, None);
        let since = totals().since(&before);
        assert_eq!(since.errors_of(ErrorCode::SecurityViolation), since.errors(ErrorKind::Critical));
        assert!(since.errors(ErrorKind::Critical) >= 1 && since.errors(ErrorKind::Expected) >= 1);
    }
}
