//! What came of it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::usage::{Growth, Usage};
use super::world::Delivered;
use crate::common::database::Backend;
use crate::common::load::Attempt;

/// Beside hostile clients this part of the others may go away unserved.
const LOSS: f64 = 0.01;

pub struct Report {
    pub backend: Backend,
    pub length: Duration,
    /// Registrations a second, with nothing beside them.
    pub alone: f64,
    /// The same beside hostile clients, which take their part of the cores, as does sending what they send.
    pub beside: f64,
    /// The registrations at half of that.
    pub steady: Vec<Attempt>,
    /// How often each hostile thing was done.
    pub rounds: Vec<(&'static str, usize)>,
    pub usage: Usage,
    pub delivered: Delivered,
    /// Resident memory when all was over, and the most that it ever was, in MiB.
    pub memory: (u64, u64),
}

impl Report {
    /// As docs/SECURITY-TESTS.md shows it.
    pub fn table(&self) -> String {
        let (looks, ready, scraped) = self.usage.looks();
        let took = |rank: f64| self.latency(rank).as_secs_f64() * 1e3;
        let mut rows = vec![
            ("database".to_owned(), format!("{:?}", self.backend)),
            ("length, s".to_owned(), self.length.as_secs().to_string()),
            (
                "registrations a second: alone; beside hostile clients".to_owned(),
                format!("{:.0}; {:.0}", self.alone, self.beside),
            ),
            ("registrations at half of the latter".to_owned(), self.steady.len().to_string()),
            ("their answers".to_owned(), self.answers()),
            ("their latency, ms: median, 99 %".to_owned(), format!("{:.0}, {:.0}", took(0.5), took(0.99))),
            ("looks; ready; metrics read".to_owned(), format!("{looks}; {ready}; {scraped}")),
            ("mails; events".to_owned(), format!("{}; {}", self.delivered.mails, self.delivered.events)),
            ("resident memory, MiB: afterwards; peak".to_owned(), format!("{}; {}", self.memory.0, self.memory.1)),
        ];
        rows.extend(self.usage.growth().iter().map(|growth| (growth.name.to_owned(), growth.to_string())));
        rows.extend(self.rounds.iter().map(|(name, rounds)| (format!("hostile: {name}"), rounds.to_string())));
        let rows = rows.iter().map(|(name, value)| format!("| {name} | {value} |\n"));
        format!("| soak | measured |\n|---|--:|\n{}", rows.collect::<String>())
    }

    /// Fails if something grew, or those who register were not served.
    pub fn assert_good(&self) {
        let grown: Vec<String> = self.usage.growth().iter().filter(|growth| !growth.is_bounded()).map(named).collect();
        assert!(grown.is_empty(), "not level: {grown:?}");
        let (looks, ready, scraped) = self.usage.looks();
        for (what, count, of) in
            [("served", self.served(), self.steady.len()), ("ready", ready, looks), ("scraped", scraped, looks)]
        {
            assert!(of > 0 && count as f64 >= (1.0 - LOSS) * of as f64, "{what} {count} times of {of}");
        }
    }

    /// `201: 5000, 503: 2`
    fn answers(&self) -> String {
        let mut counts = BTreeMap::new();
        for attempt in &self.steady {
            *counts.entry(attempt.result.as_ref().map_or("none".to_owned(), u16::to_string)).or_insert(0) += 1;
        }
        counts.iter().map(|(status, count)| format!("{status}: {count}")).collect::<Vec<_>>().join(", ")
    }

    fn served(&self) -> usize {
        self.steady.iter().filter(|attempt| attempt.is_accepted()).count()
    }

    fn latency(&self, rank: f64) -> Duration {
        let mut took: Vec<Duration> = self.steady.iter().map(|attempt| attempt.took).collect();
        took.sort_unstable();
        took.get((rank * took.len() as f64) as usize).copied().unwrap_or_default()
    }
}

fn named(growth: &Growth) -> String {
    format!("{}: {growth}", growth.name)
}
