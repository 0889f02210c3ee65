//! What the kernel says of the machine, of the share that this process may use, and of the process itself.
//!
//! It is read in the background, away from the async threads: a request for it only copies the last figures.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use procfs::process::Process;
use procfs::{Current, CurrentSI, KernelStats, LoadAverage};
use serde::Serialize;
use time::OffsetDateTime;

use super::cgroup::{Cgroups, Share};
use super::machine::{self, Memory};
use crate::config::{Config, DatabaseUrl};
use crate::telemetry::metrics::DiskUse;
use crate::values::timestamp;

const INTERVAL: Duration = Duration::from_secs(2);

/// What the kernel said. What it did not say is missing.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct System {
    /// CPU time used of what there was, since the last sample: by the control group where that has a limit, else by the
    /// machine.
    pub cpu_percent: Option<f64>,
    /// Cores that may be used.
    pub cpu_cores: Option<f64>,
    /// Memory used of what may be used; what the kernel could free at once does not count.
    pub memory_percent: Option<f64>,
    /// Bytes of memory that may be used.
    pub memory_limit_bytes: Option<u64>,
    /// What sets the limits: `machine`, or `cgroup` where a control group sets one of them.
    pub limited_by: &'static str,
    /// Space used of what there is for users, on the filesystem of the database, or of the mail directory where the
    /// database is a server.
    pub disk_percent: Option<f64>,
    /// Bytes free there.
    pub disk_free_bytes: Option<u64>,
    /// Load of the machine over 1, 5 and 15 minutes.
    pub load_average: Option<[f64; 3]>,
    /// File descriptors of this process.
    pub open_fds: Option<u64>,
    /// Threads of this process.
    pub threads: Option<u64>,
    /// Bytes of memory of this process that are in RAM.
    pub resident_memory_bytes: Option<u64>,
    /// When the figures were read.
    #[serde(with = "timestamp")]
    #[schemars(with = "timestamp::Moment")]
    pub sampled_at: OffsetDateTime,
}

/// Reads the figures again and again.
pub(super) struct Sampler {
    folder: Arc<Path>,
    written: Arc<[(DiskUse, PathBuf)]>,
    latest: Mutex<Option<System>>,
}

impl Sampler {
    pub fn new(config: &Config) -> Self {
        let folder = match &config.database.url {
            DatabaseUrl::Sqlite { path } => path.parent().unwrap_or(path),
            DatabaseUrl::Postgres(_) => &config.mail.directory,
        };
        Sampler { folder: folder.into(), written: machine::folders(config).into(), latest: Mutex::new(None) }
    }

    pub fn latest(&self) -> Option<System> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Samples until it is dropped. A read that hangs, as of a filesystem whose server is gone, is waited for.
    pub async fn run(&self) {
        let (mut before, mut counts) = (None, None);
        let cgroups = Arc::new(Cgroups::of_this_process());
        loop {
            let (folder, written, cgroups) =
                (Arc::clone(&self.folder), Arc::clone(&self.written), Arc::clone(&cgroups));
            let look = move || {
                let machine_cpu = cpu_of_machine();
                let now = machine::Counts::read(&cgroups, machine_cpu.map(|share| share.used));
                now.tell_since(&counts.unwrap_or(now));
                let memory = Memory::read(&cgroups);
                machine::tell(&cgroups, memory, &written);
                (sample(&folder, &cgroups, memory, machine_cpu, before), now)
            };
            if let Ok(((system, cpu), now)) = tokio::task::spawn_blocking(look).await {
                (before, counts) = (cpu, Some(now));
                *self.latest.lock().unwrap_or_else(PoisonError::into_inner) = Some(system);
            }
            tokio::time::sleep(INTERVAL).await;
        }
    }
}

/// CPU time used so far, and the cores that it could be used on.
#[derive(Clone, Copy, Debug)]
struct Cpu {
    used_seconds: f64,
    cores: f64,
    at: Instant,
}

fn sample(
    folder: &Path,
    cgroups: &Cgroups,
    memory: Option<Memory>,
    machine_cpu: Option<Share>,
    before: Option<Cpu>,
) -> (System, Option<Cpu>) {
    let is_own_memory = memory.is_some_and(|memory| memory.is_of_group);
    let memory = memory.map(|memory| memory.share);
    let own_cpu = cgroups.cpu();
    let cpu =
        own_cpu.or(machine_cpu).map(|share| Cpu { used_seconds: share.used, cores: share.limit, at: Instant::now() });
    let disk = machine::space(folder);
    let process = Process::myself().ok();
    let stat = process.as_ref().and_then(|process| process.stat().ok());
    let system = System {
        cpu_percent: cpu_percent(before, cpu),
        cpu_cores: cpu.map(|cpu| cpu.cores),
        memory_percent: memory.map(|share| percent(share.used, share.limit)),
        memory_limit_bytes: memory.map(|share| share.limit as u64),
        limited_by: if is_own_memory || own_cpu.is_some() { "cgroup" } else { "machine" },
        disk_percent: disk
            .map(|disk| percent(disk.size_bytes.saturating_sub(disk.free_bytes) as f64, disk.size_bytes as f64)),
        disk_free_bytes: disk.map(|disk| disk.free_bytes),
        load_average: LoadAverage::current().ok().map(|load| [load.one, load.five, load.fifteen].map(rounded)),
        open_fds: process.as_ref().and_then(|process| process.fd_count().ok()).map(|open| open as u64),
        threads: stat.as_ref().map(|stat| stat.num_threads.unsigned_abs()),
        resident_memory_bytes: stat.as_ref().map(|stat| stat.rss * procfs::page_size()),
        sampled_at: OffsetDateTime::now_utc(),
    };
    (system, cpu)
}

/// Everything but idling and waiting for disks, in seconds.
fn cpu_of_machine() -> Option<Share> {
    let stats = KernelStats::current().ok()?;
    let time = &stats.total;
    let others = [time.irq, time.softirq, time.steal];
    let ticks = time.user + time.nice + time.system + others.iter().flatten().sum::<u64>();
    Some(Share { used: ticks as f64 / procfs::ticks_per_second() as f64, limit: stats.cpu_time.len() as f64 })
}

fn cpu_percent(before: Option<Cpu>, now: Option<Cpu>) -> Option<f64> {
    let (before, now) = (before?, now?);
    let passed = now.at.duration_since(before.at).as_secs_f64();
    Some(percent(now.used_seconds - before.used_seconds, passed * now.cores))
}

fn percent(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { (part / whole * 1000.0).round().clamp(0.0, 1000.0) / 10.0 } else { 0.0 }
}

fn rounded(load: f32) -> f64 {
    (f64::from(load) * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cpu(used_seconds: f64, at: Instant) -> Cpu {
        Cpu { used_seconds, cores: 2.0, at }
    }

    #[test]
    fn the_kernel_says_something_of_everything() {
        let cgroups = Cgroups::of_this_process();
        let (first, cpu) = sample(Path::new("not/there"), &cgroups, Memory::read(&cgroups), cpu_of_machine(), None);
        assert_eq!(first.cpu_percent, None, "there is nothing to compare with");
        let (system, _) = sample(Path::new("."), &cgroups, Memory::read(&cgroups), cpu_of_machine(), cpu);
        for percent in [system.cpu_percent, system.memory_percent, system.disk_percent] {
            assert!((0.0..=100.0).contains(&percent.unwrap()), "{system:?}");
        }
        assert!(system.memory_percent.unwrap() > 0.0, "{system:?}");
        assert!(system.cpu_cores.unwrap() > 0.0 && system.memory_limit_bytes.unwrap() > 1 << 20, "{system:?}");
        assert!(system.open_fds.unwrap() > 2 && system.threads.unwrap() > 0, "{system:?}");
        assert!(system.resident_memory_bytes.unwrap() > 1 << 20 && system.disk_free_bytes.is_some(), "{system:?}");
        assert!(system.load_average.is_some(), "{system:?}");
    }

    #[test]
    fn cpu_time_is_a_share_of_all_cores() {
        let now = Instant::now();
        let later = now + Duration::from_secs(10);
        assert_eq!(cpu_percent(Some(cpu(100.0, now)), Some(cpu(105.0, later))), Some(25.0));
        assert_eq!(cpu_percent(Some(cpu(100.0, now)), Some(cpu(99.0, later))), Some(0.0), "a counter began anew");
        assert_eq!(cpu_percent(Some(cpu(100.0, now)), Some(cpu(101.0, now))), Some(0.0));
        assert_eq!(cpu_percent(None, Some(cpu(1.0, now))), None);
    }

    #[test]
    fn a_percentage_is_never_beyond_its_range() {
        assert_eq!(percent(3.0, 2.0), 100.0);
        assert_eq!(percent(1.0, 0.0), 0.0);
        assert_eq!(percent(1.0, 3.0), 33.3);
    }
}
