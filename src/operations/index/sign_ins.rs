//! Whether people can sign in: how many could, and what is wrong where they cannot.

use super::failure;
use super::limits::{FAILING_SIGN_INS, FEW, SLOW_PART, SLOW_SIGN_IN};
use super::recent;
use super::trouble::Trouble;
use crate::config::Config;
use crate::operations::words::{count, counted, seconds, share};
use crate::telemetry::history::Span;
use crate::telemetry::metrics::SignInOutcome::{self, Authentication, Database, Error, Overloaded, Success};

/// The route that signs users in.
const ROUTE: &str = "/auth/login";
/// By the service's own fault.
const FAILURES: [SignInOutcome; 4] = [Database, Authentication, Overloaded, Error];

/// Sign-ins that failed by the service's own fault.
pub(super) fn failures(span: &Span) -> u32 {
    FAILURES.iter().fold(0, |sum, outcome| sum.saturating_add(span.counts.sign_ins(*outcome)))
}

/// Of the sign-ins with the right password, the part that succeeded.
pub(super) fn success(span: &Span) -> Option<f64> {
    let [successes, failures] = [span.counts.sign_ins(Success), failures(span)].map(f64::from);
    let all = successes + failures;
    (all > 0.0).then(|| successes / all)
}

/// Wrong passwords neither hide a failure nor are one.
pub(super) fn failing(now: &Span, config: &Config) -> Option<Trouble> {
    let [successes, failures] = [now.counts.sign_ins(Success), failures(now)].map(u64::from);
    let part = failures as f64 / (successes + failures) as f64;
    (failures >= FEW && part > FAILING_SIGN_INS).then(|| {
        let all = counted(successes + failures, "sign-in");
        let text = format!("{} of {all} failed within {} min ({}).", count(failures), recent::MINUTES, share(part));
        Trouble::new("bad", "NeodymeSignInsFailing", text)
            .because_of(failure::last_of_route(ROUTE, config))
            .while_it_happens()
    })
}

/// More of them than are allowed to take longer than that do.
pub(super) fn slow(now: &Span) -> Option<Trouble> {
    let [slow, of] =
        [now.counts.sign_ins_took().slower_than(SLOW_SIGN_IN), now.counts.sign_ins(Success)].map(u64::from);
    (slow >= FEW && slow as f64 > SLOW_PART * of as f64).then(|| {
        let (slow, of, limit) = (count(slow), counted(of, "sign-in"), seconds(SLOW_SIGN_IN));
        let text = format!("{slow} of {of} took longer than {limit} within {} min.", recent::MINUTES);
        Trouble::new("warn", "NeodymeErrorBudgetBurn", text)
    })
}
