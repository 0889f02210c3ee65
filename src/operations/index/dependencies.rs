//! What the service depends on: works, as far as checks and calls say, and in which words.

use serde::Serialize;
use time::OffsetDateTime;

use super::failure::{self, Failure};
use super::limits::{FAILING_CALLS, FEW};
use super::outbox::{pending, waiting};
use super::recent::{self, LastAsked, last_asked};
use super::word::Word;
use crate::error::ErrorCode;
use crate::health::Report;
use crate::operations::words::{count, counted, seconds, share};
use crate::outbox::Standing;
use crate::state::App;
use crate::telemetry::history::Span;
use crate::telemetry::metrics::{Asked, Dependency, DependencyStatus, ExternalService};

/// One of them as it is shown.
#[derive(Debug, Serialize)]
pub(super) struct Shown {
    name: &'static str,
    pub(super) state: Word,
    /// What its checks say.
    check: String,
    /// What the calls say.
    calls: String,
    /// The last failure, where it does not work as it should.
    pub(super) failure: Option<Failure>,
    #[serde(skip)]
    pub(super) dependency: Dependency,
    #[serde(skip)]
    pub(super) status: DependencyStatus,
    /// Since when.
    #[serde(skip)]
    pub(super) since: OffsetDateTime,
    /// The last calls, where so many fail that an alert tells of it, or it is left alone for that.
    #[serde(skip)]
    pub(super) failing: Option<Asked>,
}

/// All of them.
pub(super) fn dependencies(app: &App, minutes: &[Span], topics: &[Standing]) -> Vec<Shown> {
    let health = &app.health;
    let all = [
        (Dependency::Database, health.database.latest(), None),
        (Dependency::Email, health.email.latest(), Some(ExternalService::Email)),
        (Dependency::Analytics, health.analytics.latest(), Some(ExternalService::Analytics)),
    ];
    let is_left_alone = |service| topics.iter().any(|topic| Some(topic.service) == service && topic.is_left_alone);
    let all = all.into_iter();
    all.map(|(dependency, report, service)| {
        let last = last_asked(minutes, dependency);
        let waits = service.filter(|service| pending(*service, topics) > 0);
        let mut shown = shown(dependency, &report, last, is_left_alone(service), waits.is_some());
        if matches!(shown.state.class, "bad" | "warn") {
            shown.failure = failure::last(error_of(dependency), &app.config);
            if let Some(service) = waits {
                shown.calls = format!("{}. {}", waiting(service, topics), shown.calls);
            }
        }
        shown
    })
    .collect()
}

/// What errors of a dependency are recorded as.
pub(super) fn error_of(dependency: Dependency) -> ErrorCode {
    match dependency {
        Dependency::Database => ErrorCode::DatabaseError,
        Dependency::Email => ErrorCode::EmailServiceError,
        Dependency::Analytics => ErrorCode::AnalyticsServiceError,
    }
}

fn shown(
    dependency: Dependency,
    report: &Report,
    last: Option<LastAsked>,
    is_left_alone: bool,
    is_waited_for: bool,
) -> Shown {
    // What failed some time ago is over where nothing waits for another attempt: its check says how it is now.
    let counts = last.filter(|last| last.minutes_ago < recent::MINUTES || is_waited_for);
    let asked = counts.map(|last| last.asked).unwrap_or_default();
    let are_failing = asked.failed >= FEW && asked.failed as f64 > FAILING_CALLS * asked.times as f64;
    let is_failing = are_failing || is_left_alone;
    let state = state(report, asked, is_failing);
    Shown {
        name: dependency.as_str(),
        state,
        check: check(report),
        calls: calls(dependency, report.status, last, is_left_alone),
        failure: None,
        dependency,
        status: report.status,
        since: report.since,
        failing: is_failing.then_some(asked),
    }
}

/// Green only where checks and calls succeed.
fn state(report: &Report, asked: Asked, is_failing: bool) -> Word {
    match report.status {
        DependencyStatus::Disabled => Word::soft("not used"),
        DependencyStatus::Error => Word::bad("down"),
        _ if is_failing => Word::bad("fails"),
        _ if asked.failed > 0 => Word::warn("fails at times"),
        DependencyStatus::Slow => Word::warn("slow"),
        DependencyStatus::Connected if report.checked_at.is_none() => Word::soft("not checked yet"),
        DependencyStatus::Connected => Word::good("works"),
    }
}

fn check(report: &Report) -> String {
    match (&report.error, report.response_time_ms) {
        (Some(error), _) => format!("The last check failed: {error}."),
        (None, Some(ms)) => format!("The last check took {}.", seconds(ms / 1000.0)),
        (None, None) => String::new(),
    }
}

fn calls(dependency: Dependency, status: DependencyStatus, last: Option<LastAsked>, is_left_alone: bool) -> String {
    if status == DependencyStatus::Disabled {
        return String::new();
    }
    // One email that cannot be sent is tried again and again: three of them fail forty times.
    let what = if dependency == Dependency::Database { "operation" } else { "attempt" };
    let mut text = match last {
        None => format!("No {what} within the last hour."),
        Some(LastAsked { asked: Asked { times, failed }, minutes_ago }) => {
            let when = match minutes_ago < recent::MINUTES {
                true => format!("Within {} min", recent::MINUTES),
                false => format!("Last asked {minutes_ago} min ago"),
            };
            match failed {
                0 => format!("{when}: {}, none failed.", counted(times, what)),
                _ => format!(
                    "{when}: {} of {} failed ({}).",
                    count(failed),
                    counted(times, what),
                    share(failed as f64 / times as f64)
                ),
            }
        }
    };
    if is_left_alone {
        text.push_str(" It is left alone but for one attempt every few seconds, which shows when it is back.");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(status: DependencyStatus) -> Report {
        Report {
            healthy: true,
            status,
            response_time_ms: Some(1.0),
            checked_at: Some(time::OffsetDateTime::UNIX_EPOCH),
            since: time::OffsetDateTime::UNIX_EPOCH,
            error: None,
            cause: None,
        }
    }

    fn shown_as(
        status: DependencyStatus,
        times: u64,
        failed: u64,
        is_left_alone: bool,
    ) -> (&'static str, &'static str) {
        let report = report(status);
        let last = (times > 0).then_some(LastAsked { asked: Asked { times, failed }, minutes_ago: 0 });
        let shown = shown(Dependency::Analytics, &report, last, is_left_alone, false);
        (shown.state.text, shown.state.class)
    }

    #[test]
    fn what_failed_some_time_ago_is_over_where_nothing_waits() {
        for (minutes_ago, is_waited_for, state) in
            [(4, false, "fails"), (5, false, "works"), (5, true, "fails"), (50, false, "works")]
        {
            let last = Some(LastAsked { asked: Asked { times: 187, failed: 178 }, minutes_ago });
            let shown = shown(Dependency::Email, &report(DependencyStatus::Connected), last, false, is_waited_for);
            assert_eq!((shown.state.text, shown.failing.is_some()), (state, state == "fails"), "{minutes_ago}");
        }
    }

    #[test]
    fn it_is_green_only_if_its_calls_succeed() {
        use DependencyStatus::{Connected, Disabled, Error, Slow};
        assert_eq!(shown_as(Connected, 0, 0, false), ("works", "good"));
        assert_eq!(shown_as(Connected, 100, 0, false), ("works", "good"));
        assert_eq!(shown_as(Connected, 100, 1, false), ("fails at times", "warn"));
        assert_eq!(shown_as(Connected, 100, 99, false), ("fails", "bad"));
        assert_eq!(shown_as(Connected, 0, 0, true), ("fails", "bad"));
        assert_eq!(shown_as(Slow, 100, 0, false), ("slow", "warn"));
        assert_eq!(shown_as(Error, 100, 0, false), ("down", "bad"));
        assert_eq!(shown_as(Disabled, 0, 0, false), ("not used", "soft"));
    }
}
