//! What is wrong now, the worst first, each with its cause in words and its runbook.

use super::dependencies::{Shown, error_of};
use super::failure;
use super::limits::{
    FAILING_REGISTRATIONS, FEW, FREE_DISK, MANY_ERRORS, OLD_JOB, RECENT_ERROR, SLOW_PART, SLOW_REGISTRATION,
};
use super::outbox::{deaths, waited, waiting};
use super::recent;
use super::trouble::{Trouble, Troubles};
use super::{sign_ins, signing};
use crate::config::Config;
use crate::error::{ErrorCode, ErrorKind};
use crate::operations::in_force;
use crate::operations::words::{age, count, counted, seconds, share, since};
use crate::outbox::Standing;
use crate::state::App;
use crate::telemetry::errors::recorder;
use crate::telemetry::history::Span;
use crate::telemetry::metrics::RegistrationOutcome::{Error, Success};
use crate::telemetry::metrics::{Asked, Dependency, DependencyStatus, ExternalService};
use crate::values::job::Reason;

/// The route that registers users.
const REGISTRATION: &str = "/users/";

/// Everything that is wrong. What says most of a cause comes before what else comes of it, as alerts are muted: what is down, what
/// somebody has to mend, what fails, and then what people notice.
pub(super) fn troubles(app: &App, now: &Span, dependencies: &[Shown], topics: &[Standing]) -> Troubles {
    let config = &app.config;
    let mut all = Troubles::default();
    all.add(dependencies.iter().filter_map(|shown| down(shown, topics, config)));
    all.add(topics.iter().filter_map(|topic| paused(topic, config)));
    all.add(dependencies.iter().filter_map(|shown| failing(shown, config)));
    all.add(full_queue(app));
    all.add(errors(app, now, |code| code == ErrorCode::DatabaseError && !all.explain(code)));
    all.add(signing_in(app, now));
    all.add(registrations(now, config));
    all.add(topics.iter().filter_map(|topic| stuck(topic, config)));
    all.add_each(topics.iter().filter_map(|topic| webhook(topic, config)));
    all.add(topics.iter().filter_map(given_up));
    all.add(saturation(app, now));
    all.add(errors(app, now, |code| !all.explain(code)));
    all
}

fn down(shown: &Shown, topics: &[Standing], config: &Config) -> Option<Trouble> {
    (shown.status == DependencyStatus::Error).then(|| {
        let code = error_of(shown.dependency);
        // Whoever met it first was paged for the error, and not for the check.
        let is_met = code.kind() == ErrorKind::Critical && is_recent(code);
        let runbook = if is_met { "NeodymeCriticalError" } else { "NeodymeDependencyDown" };
        let class = if shown.dependency == Dependency::Database { "bad" } else { "warn" };
        let (name, since) = (in_words(shown.dependency), age(since(shown.since)));
        let text = format!("{name} cannot be used, for {since}: {}.", consequence(shown.dependency, topics));
        Trouble::new(class, runbook, text).telling(code, config)
    })
}

fn failing(shown: &Shown, config: &Config) -> Option<Trouble> {
    let (name, is_database) = (in_words(shown.dependency), shown.dependency == Dependency::Database);
    match (shown.status, shown.failing) {
        (DependencyStatus::Error, _) => None,
        // Its errors are told as what they are.
        (_, Some(_)) if is_database => None,
        (_, Some(Asked { times, failed })) => {
            let failed = match times {
                0 => "it failed when it was asked last".into(),
                _ => format!("{} of the last {} failed", count(failed), counted(times, "attempt")),
            };
            let text = format!("{name} answers checks, and fails at work: {failed}.");
            let trouble = Trouble::new("warn", "NeodymeExternalServiceFailing", text);
            Some(trouble.telling(error_of(shown.dependency), config))
        }
        (DependencyStatus::Slow, None) => {
            let runbook = if is_database { "NeodymeDatabaseSlow" } else { "NeodymeDependencyDown" };
            Some(Trouble::new("warn", runbook, format!("{name} answers its checks slowly.")))
        }
        _ => None,
    }
}

fn in_words(dependency: Dependency) -> &'static str {
    match dependency {
        Dependency::Database => "The database",
        Dependency::Email => "The mail server",
        Dependency::Analytics => "The analytics service",
    }
}

/// What people notice of it.
fn consequence(dependency: Dependency, topics: &[Standing]) -> String {
    match dependency {
        Dependency::Database => "nobody can register or sign in here".into(),
        Dependency::Email => {
            let emails = waiting(ExternalService::Email, topics);
            format!("{emails}, and whoever needs a code cannot go on; people can register")
        }
        Dependency::Analytics => {
            format!("{}; people notice nothing", waiting(ExternalService::Analytics, topics))
        }
    }
}

/// Only successes and errors of the service count: a flood of bad requests does not hide a failure.
fn registrations(now: &Span, config: &Config) -> Option<Trouble> {
    let [successes, failures] = [Success, Error].map(|outcome| u64::from(now.counts.registrations(outcome)));
    let failing = failures as f64 / (successes + failures) as f64;
    (failures >= FEW && failing > FAILING_REGISTRATIONS).then(|| {
        let all = counted(successes + failures, "registration");
        let text = format!("{} of {all} failed within {} min ({}).", count(failures), recent::MINUTES, share(failing));
        Trouble::new("bad", "NeodymeRegistrationsFailing", text)
            .because_of(failure::last_of_route(REGISTRATION, config))
            .while_it_happens()
    })
}

/// A key that cannot be used explains sign-ins that fail.
fn signing_in(app: &App, now: &Span) -> Vec<Trouble> {
    let key = signing::trouble(&app.keyring.standing(), &app.config);
    let is_explained = key.as_ref().is_some_and(|key| key.class == "bad");
    let failing = sign_ins::failing(now, &app.config).filter(|_| !is_explained);
    [key, failing, sign_ins::slow(now)].into_iter().flatten().collect()
}

/// What somebody has to mend before anything is delivered.
fn paused(topic: &Standing, config: &Config) -> Option<Trouble> {
    let fault = topic.fault.filter(|_| topic.service != ExternalService::Webhook)?;
    let text =
        format!("{} is paused until somebody mends it ({}): {}.", topic.name.as_str(), fault.as_str(), wait(topic));
    Some(Trouble::new("warn", "NeodymeOutboxPaused", text).telling(topic.error, config))
}

fn stuck(topic: &Standing, config: &Config) -> Option<Trouble> {
    let is_left_alone = topic.is_left_alone && topic.fault.is_none() && topic.service != ExternalService::Webhook;
    let has_waited = waited(topic).is_some_and(|waited| waited.as_secs_f64() > OLD_JOB);
    (is_left_alone && has_waited).then(|| {
        let text = format!("Nothing of {} is delivered: {}.", topic.name.as_str(), wait(topic));
        Trouble::new("warn", "NeodymeOutboxStuck", text).telling(topic.error, config)
    })
}

/// Endpoints fail each by itself.
fn webhook(topic: &Standing, config: &Config) -> Option<Trouble> {
    let (name, wait) = (topic.name.as_str(), wait(topic));
    let (runbook, text) = match topic.fault {
        _ if topic.service != ExternalService::Webhook => return None,
        Some(Reason::Gone) => {
            ("NeodymeWebhookSwitchedOff", format!("{name} is switched off by its endpoint (gone): {wait}."))
        }
        Some(fault) => {
            let text = format!("{name} is paused until somebody mends it ({}): {wait}.", fault.as_str());
            ("NeodymeWebhookFailing", text)
        }
        None if topic.is_left_alone => {
            let text = format!("The endpoint of {name} fails, and is asked now and then whether it is back: {wait}.");
            ("NeodymeWebhookFailing", text)
        }
        None => return None,
    };
    Some(Trouble::new("warn", runbook, text).telling_at(topic.error, name, config))
}

fn given_up(topic: &Standing) -> Option<Trouble> {
    (topic.dead > 0).then(|| {
        let text = format!("{} of {} given up ({}).", counted(topic.dead, "job"), topic.name.as_str(), deaths(topic));
        Trouble::new("warn", "NeodymeOutboxDeadLetters", text)
    })
}

fn wait(topic: &Standing) -> String {
    let oldest = waited(topic).map_or_else(String::new, |waited| format!(", the oldest for {}", age(waited)));
    format!("{} wait{}{oldest}", counted(topic.pending, "job"), if topic.pending == 1 { "s" } else { "" })
}

fn full_queue(app: &App) -> Option<Trouble> {
    app.hash_pool.is_saturated().then(|| {
        let text = "So many passwords wait to be hashed that registrations are refused.".into();
        let trouble = Trouble::new("warn", "NeodymePasswordHashQueueSlow", text);
        trouble.telling(ErrorCode::ServiceOverloaded, &app.config)
    })
}

fn saturation(app: &App, now: &Span) -> Vec<Trouble> {
    let mut all = Vec::new();
    let [slow, of] =
        [now.counts.registrations_took().slower_than(SLOW_REGISTRATION), now.counts.registrations(Success)]
            .map(u64::from);
    if slow >= FEW && slow as f64 > SLOW_PART * of as f64 {
        let (slow, of, limit) = (count(slow), counted(of, "registration"), seconds(SLOW_REGISTRATION));
        let text = format!("{slow} of {of} took longer than {limit} within {} min.", recent::MINUTES);
        all.push(Trouble::new("warn", "NeodymeErrorBudgetBurn", text));
    }
    let used = app.health.system().and_then(|system| system.disk_percent).map(|percent| percent / 100.0);
    if let Some(free) = used.map(|used| 1.0 - used).filter(|free| *free < FREE_DISK) {
        all.push(Trouble::new("warn", "NeodymeDiskAlmostFull", format!("Only {} of the disk is free.", share(free))));
    }
    all
}

/// Errors of these types: critical ones from the first on, unexpected ones where there are many of a type.
fn errors(app: &App, now: &Span, is_asked: impl Fn(ErrorCode) -> bool) -> Vec<Trouble> {
    let is_told = |code: &ErrorCode| match code.kind() {
        ErrorKind::Critical => is_recent(*code),
        ErrorKind::Unexpected => u64::from(now.counts.errors_of(*code)) > MANY_ERRORS,
        ErrorKind::Expected => false,
    };
    let asked = ErrorCode::ALL.iter().copied().filter(|code| is_asked(*code));
    asked.filter(is_told).map(|code| of_error(code, app, now)).collect()
}

fn of_error(code: ErrorCode, app: &App, now: &Span) -> Trouble {
    let class = if code.kind() == ErrorKind::Critical { "bad" } else { "warn" };
    let meaning = in_force::meaning(code.about().meaning, &app.config);
    let what = meaning.split(". ").next().unwrap_or_default().trim_end_matches('.');
    let often = counted(now.counts.errors_of(code).into(), "time");
    let text = format!("{what}: {often} within {} min.", recent::MINUTES);
    Trouble::new(class, code.runbook().unwrap_or_default(), text).telling(code, &app.config).while_it_happens()
}

fn is_recent(code: ErrorCode) -> bool {
    recorder().last(code).is_some_and(|sample| since(sample.time).as_secs() < RECENT_ERROR)
}
