use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use super::*;

const LIMITS: CheckLimits = CheckLimits {
    interval: Duration::from_secs(60),
    timeout: Duration::from_secs(2),
    slow_after: Duration::from_secs(1),
    down_after: 2,
    up_after: 2,
};

/// A probe that takes so many milliseconds each time, with the count of those begun.
fn probe(takes: &'static [u64]) -> (Probe, Arc<AtomicUsize>) {
    let begun = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&begun);
    let probe: Probe = Box::new(move || {
        let takes = takes[count.fetch_add(1, SeqCst).min(takes.len() - 1)];
        async move {
            tokio::time::sleep(Duration::from_millis(takes)).await;
            Ok(())
        }
        .boxed()
    });
    (probe, begun)
}

fn start(probe: Probe) -> Arc<Check> {
    let check = Arc::new(Check::new(Dependency::Database, Some(probe), LIMITS));
    let running = Arc::clone(&check);
    tokio::spawn(async move { running.run(&Logger::root(slog::Discard, slog::o!())).await });
    check
}

#[tokio::test(start_paused = true)]
async fn fresh_looks_join_the_one_that_runs() {
    let (probe, begun) = probe(&[10, 500]);
    let check = start(probe);
    check.report().await;
    let looks = (0..50).map(|_| {
        let check = Arc::clone(&check);
        tokio::spawn(async move { check.fresh_report().await })
    });
    let reports = futures_util::future::join_all(looks).await;
    assert_eq!(begun.load(SeqCst), 2, "one at the start, and one for all of them");
    let first = reports[0].as_ref().unwrap().checked_at;
    assert!(reports.iter().all(|report| report.as_ref().unwrap().checked_at == first));
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(begun.load(SeqCst), 2, "and none afterwards");
    check.fresh_report().await;
    assert_eq!(begun.load(SeqCst), 3);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_takes_too_long_is_an_error() {
    let (probe, begun) = probe(&[3_600_000]);
    let check = start(probe);
    let report = check.report().await;
    assert_eq!(report.status, DependencyStatus::Error);
    assert_eq!(report.error.as_deref(), Some("no answer within 2s"));
    assert!(!report.healthy);
    assert_eq!(begun.load(SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn slow_is_not_down() {
    let (probe, _) = probe(&[1500]);
    let report = start(probe).report().await;
    assert_eq!((report.status, report.healthy, report.error), (DependencyStatus::Slow, false, None));
}

#[tokio::test(start_paused = true)]
async fn what_is_in_doubt_is_looked_at_again_soon() {
    let (probe, begun) = probe(&[0, 9000, 9000, 0]);
    let check = start(probe);
    assert_eq!(check.report().await.status, DependencyStatus::Connected);
    let once = check.fresh_report().await;
    assert_eq!(once.status, DependencyStatus::Connected, "once is not enough");
    assert!(once.error.is_some(), "but it is told");
    let began = tokio::time::Instant::now();
    check.subscribe().wait_for(|report| report.status == DependencyStatus::Error).await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    assert_eq!(begun.load(SeqCst), 3);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_panics_is_a_failure_of_the_check() {
    let probe: Probe = Box::new(|| async { panic!("a bug") }.boxed());
    let report = start(probe).report().await;
    assert_eq!(report.status, DependencyStatus::Error);
    assert_eq!(report.error.as_deref(), Some("the check itself failed"));
}

#[tokio::test]
async fn what_is_not_used_is_well() {
    let check = Check::new(Dependency::Analytics, None, LIMITS);
    let report = check.fresh_report().await;
    assert_eq!((report.status, report.healthy, report.checked_at), (DependencyStatus::Disabled, true, None));
}

#[test]
fn the_jitter_is_a_tenth() {
    let pauses: Vec<_> = (0..1000).map(|_| with_jitter(Duration::from_secs(10))).collect();
    assert!(pauses.iter().all(|pause| (9.0..=11.0).contains(&pause.as_secs_f64())));
    assert!(pauses.iter().any(|pause| *pause != pauses[0]));
}

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Broken(&'static str, #[source] Option<Box<Broken>>);

#[test]
fn an_error_is_shown_with_its_causes_unless_they_were_said() {
    let cause = Broken("me@host refused", Some(Box::new(Broken("os error", None))));
    let error: Cause = Box::new(Broken("no: me@host refused", Some(Box::new(cause))));
    assert_eq!(in_words(&error), "no: *** refused: os error");
}
