//! What was sent and what came back, as a line while it runs and as a table at the end.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use hdrhistogram::{CreationError, Histogram};

use super::requests::{Kind, MIX};
use crate::cli::table::align;

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Outcome {
    /// With this status.
    Answered(u16),
    /// The client left before there was an answer, as it was meant to.
    Left,
    /// The connection failed or broke, or time ran out.
    Unanswered,
}

#[derive(Clone, Debug)]
struct Row {
    sent: u64,
    outcomes: BTreeMap<Outcome, u64>,
    /// In microseconds.
    latency: Histogram<u64>,
}

/// The counts so far.
#[derive(Clone, Debug)]
pub(super) struct Tally {
    rows: [(Kind, &'static str, Row); MIX.len()],
    all: Row,
    /// So many were due while as many as may be were in flight.
    pub(super) skipped: u64,
    /// So many were due while the service wanted none.
    pub(super) held_back: u64,
}

impl Tally {
    pub(super) fn new() -> Result<Tally, CreationError> {
        // A request takes no longer than this, and its time is known to a thousandth.
        let latency = Histogram::new_with_max(60_000_000, 3)?;
        let row = Row { sent: 0, outcomes: BTreeMap::new(), latency };
        let rows = MIX.map(|(kind, name, _)| (kind, name, row.clone()));
        Ok(Tally { rows, all: row, skipped: 0, held_back: 0 })
    }

    pub(super) fn sent(&mut self, kind: Kind) {
        self.update(kind, |row| row.sent += 1);
    }

    pub(super) fn ended(&mut self, kind: Kind, outcome: Outcome, took: Duration) {
        self.update(kind, |row| {
            *row.outcomes.entry(outcome).or_default() += 1;
            if let Outcome::Answered(_) = outcome {
                row.latency.saturating_record(took.as_micros() as u64);
            }
        });
    }

    fn update(&mut self, kind: Kind, change: impl Fn(&mut Row)) {
        self.rows.iter_mut().filter(|(of, ..)| *of == kind).for_each(|(.., row)| change(row));
        change(&mut self.all);
    }

    pub(super) fn was_answered(&self) -> bool {
        self.all.outcomes.keys().any(|outcome| matches!(outcome, Outcome::Answered(_)))
    }

    /// `72 sent, 1 in flight; 201 ×44, 409 ×5; p50 21.3 ms, p99 80.1 ms`, and how many were held back if some were.
    pub(super) fn line(&self) -> String {
        let total = &self.all;
        let in_flight = total.sent - total.outcomes.values().sum::<u64>();
        let times = [("p50", 0.5), ("p99", 0.99)].map(|(name, share)| format!("{name} {}", total.time(share)));
        let held_back = if self.held_back > 0 { format!(", {} held back", self.held_back) } else { String::new() };
        format!("{} sent, {in_flight} in flight{held_back}; {}; {}", total.sent, total.answers(), times.join(", "))
    }

    pub(super) fn table(&self) -> String {
        let head = ["kind", "sent", "answers", "p50", "p99"].map(String::from);
        let cells = |name: &str, row: &Row| {
            [name.to_owned(), row.sent.to_string(), row.answers(), row.time(0.5), row.time(0.99)]
        };
        let rows = self.rows.iter().map(|(_, name, row)| cells(name, row));
        let mut table = align(std::iter::once(head).chain(rows).chain([cells("all", &self.all)]));
        for (count, reason) in
            [(self.held_back, "the service limited this address (429)"), (self.skipped, "too many were in flight")]
        {
            if count > 0 {
                table += &format!("{count} more were due while {reason}, and were not sent\n");
            }
        }
        table
    }
}

impl Row {
    fn answers(&self) -> String {
        if self.outcomes.is_empty() {
            return "none".into();
        }
        let outcomes = self.outcomes.iter().map(|(outcome, count)| format!("{outcome} ×{count}"));
        outcomes.collect::<Vec<_>>().join(", ")
    }

    fn time(&self, share: f64) -> String {
        match self.latency.is_empty() {
            true => "-".into(),
            false => format!("{:.1} ms", self.latency.value_at_quantile(share) as f64 / 1e3),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::Answered(status) => write!(f, "{status}"),
            Outcome::Left => f.write_str("left"),
            Outcome::Unanswered => f.write_str("no answer"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_and_table_tell_the_same() {
        let mut tally = Tally::new().unwrap();
        for _ in 0..3 {
            tally.sent(Kind::Registration);
        }
        tally.sent(Kind::LeavesEarly);
        tally.ended(Kind::Registration, Outcome::Answered(201), Duration::from_millis(20));
        tally.ended(Kind::Registration, Outcome::Unanswered, Duration::from_secs(9));
        assert!(tally.was_answered());
        tally.ended(Kind::LeavesEarly, Outcome::Left, Duration::from_millis(3));
        tally.skipped = 1;
        assert!(tally.line().starts_with("4 sent, 1 in flight; "), "{}", tally.line());
        tally.held_back = 7;
        assert_eq!(
            tally.line(),
            "4 sent, 1 in flight, 7 held back; 201 ×1, left ×1, no answer ×1; p50 20.0 ms, p99 20.0 ms"
        );
        let table = tally.table();
        let lines: Vec<_> = table.lines().collect();
        assert_eq!(lines[0], "kind            sent  answers                        p50      p99");
        assert_eq!(lines[1], "registration    3     201 ×1, no answer ×1           20.0 ms  20.0 ms");
        assert_eq!(lines[9], "health          0     none                           -        -");
        assert_eq!(lines[10], "all             4     201 ×1, left ×1, no answer ×1  20.0 ms  20.0 ms");
        assert_eq!(lines[11], "7 more were due while the service limited this address (429), and were not sent");
        assert_eq!(lines[12], "1 more were due while too many were in flight, and were not sent");
    }
}
