use std::collections::HashSet;
use std::thread;
use std::time::{Duration, Instant};

use slog::{FnValue, Logger, info, o};

use crate::telemetry::logging::testing::{Failure, PATIENCE, Sink};
use crate::telemetry::logging::{LoggerName, Loggers, Logging};
use crate::telemetry::metrics::DropReason;

/// A log whose thread waits in its first write, with an empty queue behind it.
fn stalled(sink: &Sink, queue_capacity: usize) -> (Logging, Loggers, Logger) {
    sink.shut();
    let logging = sink.start(queue_capacity);
    let loggers = logging.loggers();
    let log = loggers.get(LoggerName::App).clone();
    info!(log, "first");
    sink.wait_for_stall();
    (logging, loggers, log)
}

#[test]
fn a_full_queue_loses_records_and_counts_exactly_those() {
    let sink = Sink::default();
    let (logging, loggers, log) = stalled(&sink, 10);
    for number in 0..25 {
        info!(log, "{number}");
    }
    assert_eq!(loggers.dropped(DropReason::QueueFull), 15);
    sink.open();
    assert!(logging.finish(PATIENCE));
    let messages: Vec<String> = sink.lines().iter().map(|line| line["message"].as_str().unwrap().to_owned()).collect();
    let wanted: Vec<String> =
        ["first".to_owned()].into_iter().chain((0..10).map(|number| number.to_string())).collect();
    assert_eq!(messages, wanted);
    assert_eq!((loggers.dropped(DropReason::QueueFull), loggers.dropped(DropReason::IoError)), (15, 0));
}

#[test]
fn a_stalled_writer_blocks_neither_callers_nor_the_end() {
    let sink = Sink::default();
    let (logging, loggers, log) = stalled(&sink, 4);
    for _ in 0..1000 {
        info!(log, "more");
    }
    let start = Instant::now();
    assert!(!logging.finish(Duration::from_millis(50)));
    assert!(start.elapsed() < PATIENCE, "took {:?}", start.elapsed());
    assert_eq!(loggers.dropped(DropReason::QueueFull), 996);
    sink.open();
}

#[test]
fn lines_that_cannot_be_written_are_counted_and_the_next_is_intact() {
    let sink = Sink::default();
    let (logging, loggers, log) = stalled(&sink, 16);
    info!(log, "second");
    info!(log, "third");
    sink.fail_next(&[Failure::Refuse, Failure::Tear(0, 7), Failure::Refuse]);
    sink.open();
    wait_for(|| loggers.dropped(DropReason::IoError) == 3);
    info!(log, "fourth");
    assert!(logging.finish(PATIENCE));
    let text = sink.text();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], r#"{"times"#);
    assert_eq!(serde_json::from_str::<serde_json::Value>(lines[1]).unwrap()["message"], "fourth");
    assert_eq!((lines.len(), loggers.dropped(DropReason::IoError)), (2, 3));
}

#[test]
fn of_a_batch_cut_short_only_the_lines_behind_the_cut_are_lost() {
    let sink = Sink::default();
    let (logging, loggers, log) = stalled(&sink, 16);
    info!(log, "second");
    info!(log, "third");
    sink.fail_next(&[Failure::Tear(1, 0), Failure::Tear(1, 3), Failure::Refuse]);
    sink.open();
    wait_for(|| loggers.dropped(DropReason::IoError) == 1);
    info!(log, "fourth");
    assert!(logging.finish(PATIENCE));
    let text = sink.text();
    let lines: Vec<&str> = text.lines().collect();
    let message = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["message"].clone();
    assert_eq!([message(lines[0]), message(lines[1]), message(lines[3])], ["first", "second", "fourth"]);
    assert_eq!((lines[2], lines.len(), loggers.dropped(DropReason::IoError)), ("{\"t", 4, 1));
}

#[test]
fn a_value_that_panics_or_fails_costs_its_line_and_not_the_log() {
    let sink = Sink::default();
    let logging = sink.start(16);
    let loggers = logging.loggers();
    let log = loggers.get(LoggerName::App);
    info!(log.new(o!("bad" => FnValue(|_| -> u8 { panic!("a value that panics, for a test") }))), "lost");
    info!(log, "kept");
    assert!(logging.finish(PATIENCE));
    let lines = sink.lines();
    assert_eq!((lines.len(), &lines[0]["message"]), (1, &"kept".into()));
    assert_eq!(loggers.dropped(DropReason::IoError), 1);
}

#[test]
fn a_value_that_logs_while_it_is_written_loses_nothing() {
    let sink = Sink::default();
    let logging = sink.start(16);
    let loggers = logging.loggers();
    let inner = loggers.get(LoggerName::Db).clone();
    let talks = FnValue(move |_| {
        info!(inner, "inner");
        7
    });
    info!(loggers.get(LoggerName::App).new(o!("talks" => talks)), "outer"; "more" => 1);
    assert!(logging.finish(PATIENCE));
    let lines = sink.lines();
    assert_eq!((lines.len(), &lines[0]["message"], &lines[1]["message"]), (2, &"inner".into(), &"outer".into()));
    assert!(lines[1]["talks"] == 7 && lines[1]["more"] == 1);
}

#[test]
fn a_large_queue_loses_nothing_of_eight_threads() {
    let sink = Sink::default();
    let logging = sink.start(100_000);
    let loggers = logging.loggers();
    thread::scope(|scope| {
        for thread in 0..8 {
            let log = loggers.get(LoggerName::Outbox).new(o!("thread" => thread));
            scope.spawn(move || (0..10_000).for_each(|number| info!(log, "work"; "number" => number)));
        }
    });
    assert!(logging.finish(PATIENCE));
    let lines = sink.lines();
    let distinct: HashSet<_> = lines.iter().map(|line| (line["thread"].as_u64(), line["number"].as_u64())).collect();
    assert_eq!((lines.len(), distinct.len()), (80_000, 80_000));
    assert_eq!(loggers.dropped(DropReason::QueueFull), 0);
}

#[test]
fn records_after_the_end_are_counted() {
    let sink = Sink::default();
    let logging = sink.start(16);
    let loggers = logging.loggers();
    assert!(logging.finish(PATIENCE));
    info!(loggers.get(LoggerName::App), "too late");
    assert_eq!(loggers.dropped(DropReason::QueueFull), 1);
    assert_eq!(sink.text(), "");
}

fn wait_for(condition: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "it never came");
        thread::yield_now();
    }
}
