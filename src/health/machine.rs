//! What the metrics say of the machine: who gets its processors, and how full its memory and its disks are.

use std::io;
use std::path::{Path, PathBuf};

use procfs::{CpuPressure, Current, Meminfo};
use rustix::fs::statvfs;
use rustix::thread::sched_getaffinity;

use super::cgroup::{Cgroups, Share, seconds_of_pressure};
use crate::config::{Config, DatabaseUrl};
use crate::telemetry::metrics::{self, DiskSpace, DiskUse, PressureOn};

/// The folders that the service writes to.
pub(super) fn folders(config: &Config) -> Vec<(DiskUse, PathBuf)> {
    let database = match &config.database.url {
        DatabaseUrl::Sqlite { path } => Some((DiskUse::Database, path.parent().unwrap_or(path).to_owned())),
        DatabaseUrl::Postgres(_) => None,
    };
    let mail = config.mail.smtp_host.is_none().then(|| (DiskUse::Mail, config.mail.directory.clone()));
    database.into_iter().chain(mail).collect()
}

/// What the kernel has counted so far, in seconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counts {
    busy: f64,
    throttled: f64,
    waited: [(PressureOn, f64); 2],
}

impl Counts {
    /// Reads them. Of the machine it is known already for how long it has been busy.
    pub fn read(cgroups: &Cgroups, busy: Option<f64>) -> Self {
        let machine = CpuPressure::current().ok().map(|pressure| seconds_of_pressure(&pressure));
        let waited = [(PressureOn::Machine, machine), (PressureOn::Cgroup, cgroups.pressure_seconds())];
        Counts {
            busy: busy.unwrap_or_default(),
            throttled: cgroups.throttled_seconds(),
            waited: waited.map(|(on, seconds)| (on, seconds.unwrap_or_default())),
        }
    }

    /// Tells the metrics what has come since.
    pub fn tell_since(&self, before: &Counts) {
        metrics::machine_cpu(self.busy - before.busy);
        metrics::cpu_throttled(self.throttled - before.throttled);
        for ((on, now), (_, before)) in self.waited.into_iter().zip(before.waited) {
            metrics::cpu_pressure(on, now - before);
        }
    }
}

/// Tells the metrics what there is.
pub(super) fn tell(cgroups: &Cgroups, memory: Option<Memory>, folders: &[(DiskUse, PathBuf)]) {
    metrics::cpu_cores(usable_cores(cgroups));
    if let Some(Memory { share, .. }) = memory {
        metrics::memory(share.used, share.limit);
    }
    for (holds, folder) in folders {
        if let Some(space) = space(folder) {
            metrics::disk(*holds, space);
        }
    }
}

/// Memory that the service may use.
#[derive(Clone, Copy, Debug)]
pub(super) struct Memory {
    pub(super) share: Share,
    /// Whether it is that of the control group, whose limit is below what the machine has.
    pub(super) is_of_group: bool,
}

impl Memory {
    pub(super) fn read(cgroups: &Cgroups) -> Option<Self> {
        let machine = Meminfo::current().ok();
        let total = machine.as_ref().map(|machine| machine.mem_total as f64);
        let of_group = cgroups.memory().filter(|share| total.is_none_or(|total| share.limit < total));
        match of_group {
            Some(share) => Some(Memory { share, is_of_group: true }),
            None => of_machine(&machine?).map(|share| Memory { share, is_of_group: false }),
        }
    }
}

fn of_machine(machine: &Meminfo) -> Option<Share> {
    let used = machine.mem_total.saturating_sub(machine.mem_available?);
    Some(Share { used: used as f64, limit: machine.mem_total as f64 })
}

/// The filesystem of a folder. What is kept for root counts neither as free nor as there.
pub(super) fn space(folder: &Path) -> Option<DiskSpace> {
    let disk = statvfs(existing(folder)).ok()?;
    let used = disk.f_blocks.saturating_sub(disk.f_bfree);
    Some(DiskSpace {
        free_bytes: disk.f_bavail * disk.f_frsize,
        size_bytes: (used + disk.f_bavail) * disk.f_frsize,
        free_inodes: disk.f_favail,
        inodes: disk.f_files,
    })
}

fn usable_cores(cgroups: &Cgroups) -> f64 {
    let allowed = sched_getaffinity(None).map_or(f64::INFINITY, |cores| f64::from(cores.count()));
    cgroups.cpu().map_or(allowed, |share| share.limit.min(allowed))
}

/// The folder, or the nearest above it that is there.
fn existing(folder: &Path) -> PathBuf {
    let absolute = std::path::absolute(folder).unwrap_or_else(|_: io::Error| PathBuf::from("/"));
    absolute.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/")).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_not_there_yet_is_on_the_disk_of_the_one_above() {
        let folder = tempfile::tempdir().unwrap();
        let (there, to_be) = (space(folder.path()).unwrap(), space(&folder.path().join("not/there")).unwrap());
        assert_eq!((there.size_bytes > 0, there.inodes), (true, to_be.inodes));
        assert!(there.free_bytes <= there.size_bytes && there.free_inodes <= there.inodes, "{there:?}");
    }

    #[test]
    fn there_is_a_processor() {
        assert!(usable_cores(&Cgroups::of_this_process()) > 0.0);
    }
}
