//! The 3 AM test: the real neodyme, Prometheus and Alertmanager with the shipped files, one fault at a time, and whoever is
//! notified. `make drill` runs all faults and writes docs/DRILL.md; the part here that is not ignored runs in CI.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test ends by panicking"
)]

mod common;
#[path = "drill/faults.rs"]
mod faults;
#[path = "drill/injection.rs"]
mod injection;
#[path = "drill/ledger.rs"]
mod ledger;
#[path = "drill/receivers.rs"]
mod receivers;
#[path = "drill/run.rs"]
mod run;
#[path = "drill/table.rs"]
mod table;
#[path = "drill/traffic.rs"]
mod traffic;
#[path = "drill/verdict.rs"]
mod verdict;
#[path = "drill/world.rs"]
mod world;

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::sync::Semaphore;

use faults::{FAULTS, Fault, fault};
use run::{Outcome, Pace, run};

/// A critical fault is notified so soon, at the latest.
const CRITICAL_WITHIN: Duration = Duration::from_secs(30);

/// Several worlds side by side, each on threads of its own, begun in the order of the list.
fn run_all(faults: Vec<(&'static Fault, Pace)>, at_once: usize) -> Vec<Outcome> {
    let turns = Arc::new(Semaphore::new(at_once));
    let worlds = faults.into_iter().map(|(fault, pace)| {
        let turns = turns.clone();
        thread::spawn(move || {
            let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
            runtime.block_on(async {
                let _turn = turns.acquire().await.unwrap();
                let outcome = run(fault, pace).await;
                let is_drill = !pace.history.is_zero();
                is_drill.then(|| table::record(&outcome));
                outcome
            })
        })
    });
    let worlds: Vec<_> = worlds.collect();
    // One that panicked has said why; the others are worth to be seen.
    worlds.into_iter().filter_map(|world| world.join().ok()).collect()
}

fn assert_right(outcomes: &[Outcome]) {
    let wrong = outcomes.iter().filter(|outcome| !outcome.complaints().is_empty());
    let wrong: Vec<_> = wrong.map(|outcome| (outcome.fault.name, outcome.complaints())).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Prometheus keeps the shipped pace. Alertmanager repeats sooner: a cooldown of half a minute, looked at every 10 s.
const CI: Pace = Pace {
    history: Duration::ZERO,
    quiet: Duration::ZERO,
    patience: Duration::from_secs(120),
    silence: Duration::ZERO,
    hush: Duration::from_secs(75),
    until_resolved: None,
    alertmanager: &[("group_interval: 15s", "group_interval: 10s"), ("repeat_interval: 4h", "repeat_interval: 30s")],
};

#[test]
#[ignore = "takes two minutes, as a first look: cargo test --test drill critical -- --ignored"]
fn critical_faults_page_within_half_a_minute_and_others_do_not() {
    let cooldown = Pace { silence: Duration::from_secs(75), ..CI };
    // The digest gathers for half a minute.
    let whole = Pace { silence: Duration::from_secs(45), until_resolved: Some(Duration::from_secs(120)), ..CI };
    let outcomes = run_all(
        vec![
            (fault("database stopped"), cooldown),
            (fault("all instances killed"), whole),
            (fault("a first critical error right after start"), CI),
            (fault("10 errors of one type"), CI),
            (fault("11 errors of one type"), CI),
        ],
        5,
    );
    eprintln!("{}", table::results(&outcomes));
    assert_eq!(outcomes.len(), 5, "a world came to nothing");
    assert_right(&outcomes);
    for page in outcomes.iter().filter_map(Outcome::first_page) {
        assert!(page <= CRITICAL_WITHIN, "paged after {page:?}");
    }
    // The same news once, and again when the cooldown is over: not at each look of Alertmanager. No number of users grows here.
    let told = &outcomes[1].told.incidents[0].told;
    let pauses: Vec<Duration> = told.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let tolerance = Duration::from_secs(8);
    assert!(
        !pauses.is_empty() && pauses.iter().all(|pause| *pause + tolerance >= Duration::from_secs(30)),
        "{pauses:?}"
    );
}

#[test]
fn the_overview_of_alerting_shows_what_the_drill_expects() {
    let overview = common::daemon::shipped("docs/ALERTING.md");
    assert!(overview.contains(&table::expectations()), "docs/ALERTING.md needs:\n\n{}", table::expectations());
}

/// `NEODYME_DRILL_ONLY` names faults with semicolons between, and `NEODYME_DRILL_AT_ONCE` how many worlds stand side by side.
#[test]
#[ignore = "takes the better part of an hour: make drill"]
fn the_whole_drill() {
    let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
    let pace = Pace {
        history: minutes(60 * 6 + 30),
        // Older than the window of five minutes in which a process counts from 0.
        quiet: Duration::from_secs(330),
        patience: minutes(17),
        silence: Duration::from_secs(90),
        hush: minutes(20),
        until_resolved: Some(minutes(40)),
        alertmanager: &[],
    };
    let at_once = std::env::var("NEODYME_DRILL_AT_ONCE").map_or(8, |number| number.parse().unwrap());
    let only = std::env::var("NEODYME_DRILL_ONLY");
    let faults: Vec<&Fault> = match only {
        Ok(names) => names.split(';').map(fault).collect(),
        Err(_) => FAULTS.iter().collect(),
    };
    let count = faults.len();
    let outcomes = run_all(faults.into_iter().map(|fault| (fault, pace)).collect(), at_once);
    eprintln!("{}", table::results(&outcomes));
    assert_eq!(outcomes.len(), count, "a world came to nothing");
    assert_right(&outcomes);
    for page in outcomes.iter().filter(|outcome| outcome.fault.is_urgent()).filter_map(Outcome::first_page) {
        assert!(page <= CRITICAL_WITHIN, "paged after {page:?}");
    }
}
