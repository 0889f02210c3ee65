//! What is wrong now, the worst first, each with its cause in words and its runbook.

use super::dependencies::{Shown, error_of};
use super::failure;
use super::limits::{
    FAILING_REGISTRATIONS, FEW, FREE_DISK, MANY_ERRORS, OLD_JOB, RECENT_ERROR, SLOW_PART, SLOW_REGISTRATION,
};
use super::outbox::{deaths, waited};
use super::recent;
use super::trouble::Trouble;
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

/// Everything that is wrong.
pub(super) fn troubles(app: &App, now: &Span, dependencies: &[Shown], topics: &[Standing]) -> Vec<Trouble> {
    let mut all: Vec<Trouble> =
        dependencies.iter().filter_map(|shown| of_dependency(shown, topics, &app.config)).collect();
    all.extend(registrations(now, &app.config));
    all.extend(signing_in(app, now));
    all.extend(topics.iter().flat_map(|topic| of_topic(topic, &app.config)));
    all.extend(saturation(app, now));
    let told: Vec<ErrorCode> = all.iter().filter_map(|trouble| trouble.tells).collect();
    all.extend(errors(app, now, &told));
    all.sort_by_key(|trouble| trouble.class != "bad");
    all
}

fn of_dependency(shown: &Shown, topics: &[Standing], config: &Config) -> Option<Trouble> {
    let (name, class) = match shown.dependency {
        Dependency::Database => ("The database", "bad"),
        Dependency::Email => ("The mail server", "warn"),
        Dependency::Analytics => ("The analytics service", "warn"),
    };
    let code = error_of(shown.dependency);
    match (shown.status, shown.failing) {
        (DependencyStatus::Error, _) => {
            let text = format!(
                "{name} cannot be used, for {}: {}.",
                age(since(shown.since)),
                consequence(shown.dependency, topics)
            );
            Some(Trouble::new(class, "NeodymeDependencyDown", text).telling(code, config))
        }
        // Its errors are told as what they are.
        (_, Some(_)) if shown.dependency == Dependency::Database => None,
        (_, Some(Asked { times, failed })) => {
            let failed = match times {
                0 => "it failed when it was asked last".into(),
                _ => format!("{} of the last {} failed", count(failed), counted(times, "call")),
            };
            let text = format!("{name} answers checks, and fails at work: {failed}.");
            Some(Trouble::new(class, "NeodymeExternalServiceFailing", text).telling(code, config))
        }
        (DependencyStatus::Slow, None) => {
            let is_database = shown.dependency == Dependency::Database;
            let runbook = if is_database { "NeodymeDatabaseSlow" } else { "NeodymeDependencyDown" };
            Some(Trouble::new("warn", runbook, format!("{name} answers its checks slowly.")))
        }
        _ => None,
    }
}

/// What people notice of it.
fn consequence(dependency: Dependency, topics: &[Standing]) -> String {
    let waiting = |service| topics.iter().filter(|topic| topic.service == service).map(|topic| topic.pending).sum();
    match dependency {
        Dependency::Database => "nobody can register or sign in here".into(),
        Dependency::Email => {
            let emails = counted(waiting(ExternalService::Email), "email");
            format!("{emails} not sent, and whoever needs a code cannot go on; people can register")
        }
        Dependency::Analytics => {
            format!("{} not sent; people notice nothing", counted(waiting(ExternalService::Analytics), "event"))
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

fn of_topic(topic: &Standing, config: &Config) -> Vec<Trouble> {
    let name = topic.name.as_str();
    let mut all = Vec::new();
    if let Some(fault) = topic.fault {
        let (runbook, why) = match (topic.service, fault) {
            (ExternalService::Webhook, Reason::Gone) => {
                ("NeodymeWebhookSwitchedOff", "is switched off by its endpoint")
            }
            (ExternalService::Webhook, _) => ("NeodymeWebhookFailing", "is paused until somebody mends it"),
            _ => ("NeodymeOutboxPaused", "is paused until somebody mends it"),
        };
        let text = format!("{name} {why} ({}): {}.", fault.as_str(), wait(topic));
        all.push(Trouble::new("warn", runbook, text));
    } else if topic.is_left_alone && topic.service == ExternalService::Webhook {
        let text =
            format!("The endpoint of {name} fails, and is asked now and then whether it is back: {}.", wait(topic));
        let code = ErrorCode::WebhookServiceError;
        all.push(Trouble::new("warn", "NeodymeWebhookFailing", text).telling(code, config));
    } else if topic.is_left_alone && waited(topic).is_some_and(|waited| waited.as_secs_f64() > OLD_JOB) {
        let text = format!("Nothing of {name} is delivered: {}.", wait(topic));
        all.push(Trouble::new("warn", "NeodymeOutboxStuck", text));
    }
    if topic.dead > 0 {
        let text = format!("{} of {name} given up ({}).", counted(topic.dead, "job"), deaths(topic));
        all.push(Trouble::new("warn", "NeodymeOutboxDeadLetters", text));
    }
    all
}

fn wait(topic: &Standing) -> String {
    let oldest = waited(topic).map_or_else(String::new, |waited| format!(", the oldest for {}", age(waited)));
    format!("{} wait{}{oldest}", counted(topic.pending, "job"), if topic.pending == 1 { "s" } else { "" })
}

fn saturation(app: &App, now: &Span) -> Vec<Trouble> {
    let mut all = Vec::new();
    if app.hash_pool.is_saturated() {
        let text = "So many passwords wait to be hashed that registrations are refused.".into();
        all.push(Trouble::new("warn", "NeodymePasswordHashQueueSlow", text));
    }
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

/// Errors that no other trouble tells of: critical ones from the first on, unexpected ones where there are many of a type.
fn errors(app: &App, now: &Span, told: &[ErrorCode]) -> Vec<Trouble> {
    let untold = ErrorCode::ALL.iter().copied().filter(|code| !told.contains(code));
    let is_told = |code: &ErrorCode| match code.kind() {
        ErrorKind::Critical => is_recent(*code),
        ErrorKind::Unexpected => u64::from(now.counts.errors_of(*code)) > MANY_ERRORS,
        ErrorKind::Expected => false,
    };
    untold.filter(is_told).map(|code| of_error(code, app, now)).collect()
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
