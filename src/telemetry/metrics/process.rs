//! The process, under Prometheus' standard names, and what was built into it.
//!
//! Names: <https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics>. CPU time is a float, in the
//! kernel's clock ticks.

use std::sync::{Mutex, PoisonError};

use lazy_static::lazy_static;
use procfs::process::{LimitValue, Process};
use prometheus::{Counter, Gauge, IntGaugeVec, Opts};

use super::declare::{opts, register};
use super::registry::unix_now;

lazy_static! {
    static ref CPU: Counter = register(Counter::with_opts(Opts::new(
        "process_cpu_seconds_total",
        "Total user and system CPU time spent in seconds.",
    )));
    static ref OPEN_FDS: Gauge = standard("process_open_fds", "Number of open file descriptors.");
    static ref MAX_FDS: Gauge = standard("process_max_fds", "Maximum number of open file descriptors.");
    static ref VIRTUAL_MEMORY: Gauge = standard("process_virtual_memory_bytes", "Virtual memory size in bytes.");
    static ref RESIDENT_MEMORY: Gauge = standard("process_resident_memory_bytes", "Resident memory size in bytes.");
    static ref START_TIME: Gauge =
        standard("process_start_time_seconds", "Start time of the process since unix epoch in seconds.");
    static ref THREADS: Gauge = standard("process_threads", "Number of OS threads in the process.");
    static ref BUILD: IntGaugeVec = register(IntGaugeVec::new(
        opts("build_info", "Always 1; the labels say what is running."),
        &["version", "revision", "rustc"],
    ));
    static ref ONE_READER: Mutex<()> = Mutex::new(());
}

fn standard(name: &str, help: &str) -> Gauge {
    register(Gauge::with_opts(Opts::new(name, help)))
}

pub(super) fn init() {
    let build = crate::build::INFO;
    BUILD.with_label_values(&[build.version, build.revision, build.rustc]).set(1);
    refresh();
}

/// The process begins now.
pub fn mark_start() {
    START_TIME.set(unix_now());
}

/// Reads `/proc/self`. Where there is none, the figures stay at 0.
pub(super) fn refresh() {
    let Ok(process) = Process::myself() else { return };
    if let Ok(stat) = process.stat() {
        let ticks = stat.utime + stat.stime;
        let seconds = ticks as f64 / procfs::ticks_per_second() as f64;
        let _one_reader = ONE_READER.lock().unwrap_or_else(PoisonError::into_inner);
        CPU.inc_by((seconds - CPU.get()).max(0.0));
        VIRTUAL_MEMORY.set(stat.vsize as f64);
        RESIDENT_MEMORY.set((stat.rss * procfs::page_size()) as f64);
        THREADS.set(stat.num_threads as f64);
    }
    if let Ok(open) = process.fd_count() {
        OPEN_FDS.set(open as f64);
    }
    if let Ok(limits) = process.limits() {
        MAX_FDS.set(match limits.max_open_files.soft_limit {
            LimitValue::Value(limit) => limit as f64,
            LimitValue::Unlimited => f64::INFINITY,
        });
    }
}
