//! Two faults at once: is each of them told, whichever comes first? The shipped configuration of Alertmanager, every pair of
//! the drill's faults, and some that differ only in whom they hit. Each pair is a job of its own, so all run at once.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test ends by panicking"
)]

mod common;
#[path = "drill/faults.rs"]
#[allow(dead_code, reason = "the drill uses the rest")]
mod faults;
#[path = "drill/receivers.rs"]
#[allow(dead_code, reason = "the drill uses the rest")]
mod receivers;
#[path = "muting/world.rs"]
mod world;

use std::collections::BTreeSet;
use std::time::Duration;

use common::eventually_within;
use common::rules::{Rule, rules};
use faults::{FAULTS, Fault, Injection, NOTHING};
use receivers::{Notice, Receiver};
use world::{Labels, World, labels, subject};

/// Faults that the drill does not make, and that were hidden by others once.
const MORE: &[Fault] = &[
    Fault { pages: &[&["NeodymeDependencyDown database"]], ..named("one instance cut off from the database") },
    Fault { pages: &[&["NeodymeErrorBudgetBurn welcome_email"]], ..named("mails late for everybody") },
    Fault { pages: &[&["NeodymeErrorBudgetBurn registration_latency"]], ..named("registrations slow") },
    Fault { pages: &[&["NeodymeErrorBudgetBurn availability"]], ..named("some registrations fail") },
    Fault { pages: &[&["NeodymeRegistrationsFailing other"]], ..named("every registration fails") },
    Fault { warnings: &["NeodymeOutboxStuck welcome_email"], ..named("mails stand still") },
    Fault { pages: &[&["NeodymeSignInsFailing error"]], ..named("every sign-in fails") },
    Fault { pages: &[&["NeodymeErrorBudgetBurn sign_in_availability"]], ..named("some sign-ins fail") },
    Fault { pages: &[&["NeodymeErrorBudgetBurn sign_in_latency"]], ..named("sign-ins slow") },
    Fault { pages: &[&["NeodymeMonitoringBlind"]], ..named("the token of Prometheus changed") },
];

const fn named(name: &'static str) -> Fault {
    Fault { name, ..NOTHING }
}

/// What a fault fires beside what it must be told by: muted, or it would be a second page.
fn consequences(fault: &Fault) -> &'static [(&'static str, &'static str)] {
    match fault.injection {
        Injection::DatabaseStopped => &[
            ("NeodymeDependencyDown database", "critical"),
            ("NeodymeRegistrationsFailing database", "critical"),
            ("NeodymeSignInsFailing database", "critical"),
            ("NeodymeErrorRateHigh DATABASE_ERROR", "warning"),
            ("NeodymeErrorUsersAffected DATABASE_ERROR", "warning"),
            ("NeodymeDatabaseSlow", "warning"),
            ("NeodymeDbPoolExhausted", "warning"),
        ],
        // The page of the first fault says what the check says, for as long as the second lasts.
        Injection::DatabaseReadOnlyThenLocked => &[("NeodymeDependencyDown database", "critical")],
        Injection::KeyUnreadable => {
            &[("NeodymeSignInsFailing authentication", "critical"), ("NeodymeSignInsFailing key", "critical")]
        }
        Injection::AllKilled => &[("NeodymeInstanceDown", "warning")],
        Injection::RestartLoop => &[("NeodymeInstanceDown", "warning")],
        _ => &[],
    }
}

fn alerts(rules: &[Rule], fault: &Fault, job: &str) -> Vec<Labels> {
    let pages = fault.pages.concat().into_iter().map(|told| (told, "critical"));
    let warnings = fault.warnings.iter().chain(fault.may).map(|told| (*told, "warning"));
    let all = pages.chain(warnings).chain(consequences(fault).iter().copied());
    all.map(|(told, severity)| labels(rules, told, severity, job)).collect()
}

/// The alerts one of which must be told, for each thing that must be told.
fn expected(rules: &[Rule], fault: &Fault, job: &str) -> Vec<Vec<Labels>> {
    let pages = fault.pages.iter().map(|any| any.iter().map(|told| labels(rules, told, "critical", job)).collect());
    let warnings = fault.warnings.iter().map(|told| vec![labels(rules, told, "warning", job)]);
    pages.chain(warnings).collect()
}

struct Pair {
    job: String,
    faults: [&'static Fault; 2],
}

/// Every two, in the order of the list, and where both wake somebody in the other order as well.
fn pairs() -> Vec<Pair> {
    let faults: Vec<&Fault> = FAULTS.iter().chain(MORE).filter(|fault| !fault.is_silent()).collect();
    let all =
        faults.iter().enumerate().flat_map(|(at, one)| faults.iter().enumerate().map(move |pair| (at, *one, pair)));
    all.filter(|(at, one, (other, two))| at < other || (at > other && !one.pages.is_empty() && !two.pages.is_empty()))
        .map(|(at, one, (other, two))| Pair { job: format!("pair-{at}-{other}"), faults: [one, two] })
        .collect()
}

/// One may stand for the other: they are about the same part, and of what they both say more about nothing differs.
fn is_of_one_cause(one: &Labels, other: &Labels) -> bool {
    let agrees = |label: &&str| one.get(*label).zip(other.get(*label)).is_none_or(|(one, other)| one == other);
    one["component"] == other["component"] && ["slo", "error_type", "instance"].iter().all(agrees)
}

const SOON: Duration = Duration::from_secs(60);
/// Warnings gather for half a minute as they are shipped.
const AT_ONCE: &[(&str, &str)] = &[(
    "matchers: [severity=\"warning\"]\n      group_wait: 30s",
    "matchers: [severity=\"warning\"]\n      group_wait: 1s",
)];

#[tokio::test(flavor = "multi_thread")]
async fn of_two_faults_at_once_both_are_told_whichever_comes_first() {
    let (rules, pairs) = (rules(), pairs());
    let world = World::start(AT_ONCE).await;
    let mut incidents = Vec::new();
    for turn in 0..2 {
        world.post(pairs.iter().flat_map(|pair| alerts(&rules, pair.faults[turn], &pair.job)).collect()).await;
        let muted = world.muted().await;
        let is_told =
            |labels: &Labels| muted[labels].is_empty() || muted[labels].iter().all(|by| is_of_one_cause(labels, by));
        let mut untold = BTreeSet::new();
        for (pair, fault) in pairs.iter().flat_map(|pair| pair.faults[..=turn].iter().map(move |fault| (pair, fault))) {
            for any in expected(&rules, fault, &pair.job) {
                if !any.iter().any(is_told) {
                    let by: Vec<String> = any.iter().flat_map(|labels| &muted[labels]).map(subject).collect();
                    untold.insert(format!(
                        "{}: {} by {by:?}",
                        pair.faults.map(|fault| fault.name).join(" and "),
                        fault.name
                    ));
                }
            }
        }
        assert!(untold.is_empty(), "{} are muted: {untold:#?}", untold.len());

        // Everybody is woken who should be; nobody is by what joins an incident that is open.
        let pages = |pair: &Pair| {
            let pages = expected(&rules, pair.faults[turn], &pair.job).into_iter().take(pair.faults[turn].pages.len());
            pages.filter(|any| any.iter().any(|labels| muted[labels].is_empty())).collect::<Vec<_>>()
        };
        let due: Vec<(&Pair, Vec<Labels>)> =
            pairs.iter().flat_map(|pair| pages(pair).into_iter().map(move |any| (pair, any))).collect();
        let opened = eventually_within(SOON, "every page", async || {
            let told = world.pages();
            let of = |(pair, any): &(&Pair, Vec<Labels>)| {
                let names: Vec<String> = any.iter().map(subject).collect();
                let page =
                    told.iter().find(|page| page.job == pair.job && names.iter().any(|name| page.title.contains(name)));
                page.map(|page| (pair.job.clone(), page.incident.clone()))
            };
            tokio::time::sleep(Duration::from_millis(200)).await;
            due.iter().map(of).collect::<Option<Vec<_>>>()
        })
        .await;
        incidents.push(opened);
    }
    let [first, second] = incidents.try_into().unwrap();
    let first: BTreeSet<(String, String)> = first.into_iter().collect();
    let of = |job: &str| pairs.iter().find(|pair| pair.job == job).unwrap();
    let swallowed: BTreeSet<String> = second
        .iter()
        .filter(|incident| first.contains(incident))
        .map(|(job, _)| of(job).faults)
        .filter(|[one, two]| !one.pages.iter().any(|page| two.pages.iter().any(|other| share_an_alert(page, other))))
        .map(|faults| faults.map(|fault| fault.name).join(" swallows "))
        .collect();
    assert!(swallowed.is_empty(), "{swallowed:#?}");
    let warned = |notices: &[Notice]| {
        let named = notices.iter().filter(|notice| notice.receiver == Receiver::Slack);
        named.for_each(assert_title_names_all);
        notices.iter().any(|notice| notice.receiver == Receiver::Slack)
    };
    assert!(eventually_within(SOON, "a warning", async || Some(world.receivers.notices())).await.len() > 1);
    eventually_within(SOON, "warnings", async || warned(&world.receivers.notices()).then_some(())).await;
}

/// Of the database, and of a signing key, the error and the check are one incident; another fault of the database is another one.
fn share_an_alert(one: &[&str], other: &[&str]) -> bool {
    let is_of = |part: &[&str], told: &[&str]| told.iter().any(|told| part.iter().any(|end| told.ends_with(end)));
    let parts = [[" DATABASE_ERROR", " database"], [" AUTHENTICATION_FAILURE", "NeodymeSignInsFailing key"]];
    one.iter().any(|told| other.iter().any(|other| told.starts_with(other) || other.starts_with(told)))
        || parts.iter().any(|part| is_of(part, one) && is_of(part, other))
}

/// What a message is about beyond its title is read by nobody.
fn assert_title_names_all(notice: &Notice) {
    let title = notice.payload["attachments"][0]["title"].as_str().unwrap_or_default();
    for (alert, fires) in &notice.alerts {
        assert!(!fires || title.contains(alert), "`{title}` does not name {alert}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_title_names_its_newest_alert_and_all_others() {
    let rules = rules();
    let world = World::start(&[("group_interval: 15s", "group_interval: 1s")]).await;
    let error = labels(&rules, "NeodymeRegistrationsFailing other", "critical", "neodyme");
    let check = labels(&rules, "NeodymeRegistrationsFailing database", "critical", "neodyme");
    world.post(vec![error]).await;
    eventually_within(SOON, "the first page", async || (!world.pages().is_empty()).then_some(())).await;
    world.post(vec![check]).await;
    let title = eventually_within(SOON, "the second", async || {
        world.pages().into_iter().map(|page| page.title).find(|title| title.starts_with("[FIRING:2]"))
    })
    .await;
    assert_eq!(
        title,
        "[FIRING:2] neodyme: NeodymeRegistrationsFailing availability database: Something is wrong. \
         Also NeodymeRegistrationsFailing availability other"
    );
}

const KEY: &str = "NeodymeSignInsFailing key";
const TRIED: &str = "NeodymeCriticalError AUTHENTICATION_FAILURE";

/// An alert fires, or is over, and what is told of it, where anything is.
type Step = (&'static str, bool, Option<&'static str>);

/// A key that cannot be used, of which an instance tells, and whoever tries to sign in.
const COURSES: &[&[Step]] = &[
    // Nobody tries; then people do, and end it.
    &[(KEY, true, Some(KEY)), (TRIED, true, Some(TRIED)), (TRIED, false, Some(KEY)), (KEY, false, Some("over"))],
    // People try, and end it.
    &[(TRIED, true, Some(TRIED)), (KEY, true, None), (TRIED, false, Some(KEY)), (KEY, false, Some("over"))],
    // The key is mended, of which the page for those who tried knows minutes later.
    &[(TRIED, true, Some(TRIED)), (KEY, true, None), (KEY, false, None), (TRIED, false, Some("over"))],
    &[(KEY, true, Some(KEY)), (TRIED, true, Some(TRIED)), (KEY, false, None), (TRIED, false, Some("over"))],
];

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_cannot_be_used_is_one_incident_whoever_meets_it_first() {
    let rules = rules();
    let world = World::start(&[("group_interval: 15s", "group_interval: 1s")]).await;
    for (number, course) in COURSES.iter().enumerate() {
        let job = format!("course-{number}");
        let pages = || world.pages().into_iter().filter(|page| page.job == job).collect::<Vec<_>>();
        let mut told = 0;
        for (alert, fires, expected) in *course {
            let alert = labels(&rules, alert, "critical", &job);
            match fires {
                true => world.post(vec![alert.clone()]).await,
                false => world.end(vec![alert.clone()]).await,
            }
            let Some(expected) = expected else {
                assert!(!fires || !world.muted().await[&alert].is_empty(), "{job}: {} is told", subject(&alert));
                continue;
            };
            let page = eventually_within(SOON, expected, async || pages().into_iter().nth(told)).await;
            let says = if page.is_over { "over" } else { page.title.split(": ").nth(1).unwrap() };
            assert_eq!(says, *expected, "{job}: {}", page.title);
            told += 1;
        }
        let incidents: BTreeSet<String> = pages().into_iter().map(|page| page.incident).collect();
        assert_eq!((incidents.len(), pages().len()), (1, told), "{job}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_grows_is_told_anew_in_its_incident_and_over_once() {
    let page = labels(&rules(), "NeodymeCriticalError DATABASE_ERROR", "critical", "neodyme");
    let grown: Vec<Labels> = ["1", "2"]
        .map(|magnitude| page.clone().into_iter().chain([("magnitude".to_owned(), magnitude.to_owned())]).collect())
        .into();
    let world = World::start(&[("group_interval: 15s", "group_interval: 1s")]).await;
    let mut all = vec![page];
    for more in [&[][..], &grown[..1], &grown[1..]] {
        all.extend(more.iter().cloned());
        let told = world.pages().len();
        world.post(all.clone()).await;
        eventually_within(SOON, "it is told", async || (world.pages().len() > told).then_some(())).await;
    }
    world.end(all).await;
    eventually_within(SOON, "it is over", async || world.pages().last()?.is_over.then_some(())).await;
    let pages = world.pages();
    let incidents: BTreeSet<&String> = pages.iter().map(|page| &page.incident).collect();
    assert_eq!((incidents.len(), pages.len()), (1, 4));
}

/// At a thirtieth of the shipped pace: no beat is left out.
#[tokio::test(flavor = "multi_thread")]
async fn the_dead_mans_switch_beats_without_gaps() {
    let rules = rules();
    let shipped = "group_interval: 1m\n      repeat_interval: 30s";
    let world = World::start(&[(shipped, "group_interval: 2s\n      repeat_interval: 1s")]).await;
    world.post(vec![labels(&rules, "Watchdog", "info", "neodyme")]).await;
    let beats = eventually_within(SOON, "eight beats", async || {
        let beats: Vec<_> =
            world.receivers.notices().into_iter().filter(|notice| notice.receiver == Receiver::Watchdog).collect();
        (beats.len() >= 8).then_some(beats)
    })
    .await;
    let gaps: Vec<Duration> = beats.windows(2).map(|pair| pair[1].at - pair[0].at).collect();
    assert!(gaps.iter().all(|gap| *gap < Duration::from_millis(3500)), "{gaps:?}");
}
