//! The machine: who gets its processors, and how full its memory and its disks are.
//!
//! What the kernel does not say stays at 0, and so does what is not used.

use prometheus::{Counter, Gauge};

use super::declare::{By, GaugeBy, metrics};
use crate::label::labels;

labels! {
    /// Whose tasks wait for a processor.
    pub enum PressureOn("on") {
        /// Those of the whole machine.
        Machine = "machine",
        /// Those of the control group of this process.
        Cgroup = "cgroup",
    }
}

labels! {
    /// What the service keeps on a disk.
    pub enum DiskUse("holds") {
        /// The file of the database.
        Database = "database",
        /// Mail that is written into files.
        Mail = "mail",
    }
}

/// How much of a filesystem is left to this process, and how much it has for users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskSpace {
    /// Bytes that are left.
    pub free_bytes: u64,
    /// Bytes in all.
    pub size_bytes: u64,
    /// Files that can still be made.
    pub free_inodes: u64,
    /// Files in all.
    pub inodes: u64,
}

metrics! { touch;
    CORES: Gauge = "cpu_cores", "Processors that the service may use, by affinity and control group.";
    BUSY: Counter = "machine_cpu_seconds_total", "CPU time of all that runs on the machine, this service included, and what was stolen by other machines on the same host.";
    PRESSURE: By<PressureOn, Counter> = "cpu_pressure_seconds_total", "Time in which some task waited for a processor (PSI).";
    THROTTLED: Counter = "cpu_throttled_seconds_total", "Time for which the CPU limit of a control group held this process back.";
    MEMORY_USED: Gauge = "memory_used_bytes", "Memory in use of what the service may use, by all that share it; what the kernel could free at once does not count.";
    MEMORY_LIMIT: Gauge = "memory_limit_bytes", "Memory that the service may use: the limit of its control group, or what the machine has.";
    FREE: GaugeBy<DiskUse> = "disk_free_bytes", "Bytes left on the filesystem; 0 of 0 where nothing is kept on one.";
    SIZE: GaugeBy<DiskUse> = "disk_size_bytes", "Bytes of the filesystem that can be used.";
    FREE_INODES: GaugeBy<DiskUse> = "disk_free_inodes", "Files that can still be made on the filesystem.";
    INODES: GaugeBy<DiskUse> = "disk_inodes", "Files that the filesystem can hold; 0 where it sets no limit.";
}

pub(super) fn init() {
    touch();
}

/// How many processors may be used.
pub fn cpu_cores(cores: f64) {
    CORES.set(cores);
}

/// The machine computed for so many seconds more.
pub fn machine_cpu(seconds: f64) {
    BUSY.inc_by(seconds.max(0.0));
}

/// For so many seconds more some task waited.
pub fn cpu_pressure(on: PressureOn, seconds: f64) {
    PRESSURE.at(on).inc_by(seconds.max(0.0));
}

/// For so many seconds more a limit held this process back.
pub fn cpu_throttled(seconds: f64) {
    THROTTLED.inc_by(seconds.max(0.0));
}

/// How much of the memory is used that may be, both in bytes.
pub fn memory(used: f64, limit: f64) {
    MEMORY_USED.set(used);
    MEMORY_LIMIT.set(limit);
}

/// How full the disk is.
pub fn disk(holds: DiskUse, space: DiskSpace) {
    FREE.at(holds).set(space.free_bytes as f64);
    SIZE.at(holds).set(space.size_bytes as f64);
    FREE_INODES.at(holds).set(space.free_inodes as f64);
    INODES.at(holds).set(space.inodes as f64);
}
