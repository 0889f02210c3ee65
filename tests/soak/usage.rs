//! What the service uses, and whether that stays level.

use std::fmt;
use std::time::Duration;

use procfs::process::Process;

use super::world::World;
use crate::common::http::Answer;
use crate::common::scrape::Scrape;

/// One look.
#[derive(Clone, Debug)]
struct Sample {
    at: Duration,
    resident_mib: u64,
    descriptors: usize,
    threads: u64,
    /// Of the metrics, if they could be read.
    series: Option<usize>,
    /// Why it was not ready.
    not_ready: Option<String>,
}

/// All looks, in order.
#[derive(Default)]
pub struct Usage(Vec<Sample>);

/// The most of something early on, and at the end.
pub struct Growth {
    pub name: &'static str,
    pub early: u64,
    pub late: u64,
    allowed: u64,
}

/// Resident memory of the service now, and the most so far, in MiB.
pub fn memory(world: &World) -> (u64, u64) {
    let status = process(world).status().unwrap();
    (status.vmrss.unwrap() / 1024, status.vmhwm.unwrap() / 1024)
}

fn process(world: &World) -> Process {
    Process::new(world.app.pid().try_into().unwrap()).unwrap()
}

impl Usage {
    /// Takes a look.
    pub async fn sample(&mut self, at: Duration, world: &mut World) {
        let process = process(world);
        let metrics = Answer::to(world.app.client.get(format!("{}/metrics", world.app.ops_url()))).await;
        let metrics = metrics.ok().filter(|answer| answer.status == 200);
        let ready = Answer::to(world.app.request("GET", "/health/ready")).await;
        let not_ready = match ready {
            Ok(answer) => (answer.status != 200).then(|| answer.text().to_owned()),
            Err(error) => Some(error.to_string()),
        };
        let sample = Sample {
            at,
            resident_mib: memory(world).0,
            descriptors: process.fd_count().unwrap(),
            threads: process.status().unwrap().threads,
            series: metrics.map(|answer| Scrape::parse(answer.text()).series().len()),
            not_ready,
        };
        eprintln!("{sample:?}");
        self.0.push(sample);
        world.tidy().await;
    }

    /// How many looks there were, in how many the service was ready, and in how many its metrics could be read.
    pub fn looks(&self) -> (usize, usize, usize) {
        let count = |fits: fn(&&Sample) -> bool| self.0.iter().filter(fits).count();
        (self.0.len(), count(|sample| sample.not_ready.is_none()), count(|sample| sample.series.is_some()))
    }

    /// From the second fifth of the time, when all is warm, to the last.
    pub fn growth(&self) -> [Growth; 4] {
        let end = self.0.last().map_or(Duration::ZERO, |sample| sample.at);
        let most = |from: u32, to: u32, value: fn(&Sample) -> u64| {
            let then = self.0.iter().filter(|sample| (end * from / 5..=end * to / 5).contains(&sample.at));
            then.map(value).max().unwrap_or_default()
        };
        let growth = |name, value, tolerance: fn(u64) -> u64| {
            let (early, late) = (most(1, 2, value), most(4, 5, value));
            Growth { name, early, late, allowed: early + tolerance(early) }
        };
        [
            growth("resident memory, MiB", |sample| sample.resident_mib, |early| 16 + early / 10),
            growth("file descriptors", |sample| sample.descriptors as u64, |early| 32 + early / 10),
            // Threads for what blocks come with the work, and go when they have had none for ten seconds.
            growth("threads", |sample| sample.threads, |_| 16),
            growth("series", |sample| sample.series.unwrap_or_default() as u64, |_| 0),
        ]
    }
}

impl Growth {
    /// Whether it is level.
    pub fn is_bounded(&self) -> bool {
        self.late <= self.allowed
    }
}

impl fmt::Display for Growth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} → {} (at most {})", self.early, self.late, self.allowed)
    }
}
