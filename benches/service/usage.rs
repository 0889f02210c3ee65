//! What a process has used, read from `/proc`.

use std::thread;

use anyhow::Context;
use procfs::process::Process;
use procfs::{Current, LoadAverage};

use crate::load::Slice;

/// The CPU time of a process so far, in user and kernel mode together, in seconds; the kernel counts in steps of 10 ms.
pub fn cpu_seconds(pid: u32) -> anyhow::Result<f64> {
    let stat = Process::new(i32::try_from(pid)?)?.stat()?;
    Ok((stat.utime + stat.stime) as f64 / procfs::ticks_per_second() as f64)
}

/// A slice of load, and the CPU time that the process took for each of its calls, in seconds.
pub async fn of(pid: u32, load: impl Future<Output = anyhow::Result<Slice>>) -> anyhow::Result<(Slice, f64)> {
    let before = cpu_seconds(pid)?;
    let slice = load.await?;
    let cost = (cpu_seconds(pid)? - before) / slice.calls as f64;
    Ok((slice, cost))
}

/// The CPU time so far of the threads whose name begins like this, in seconds.
pub fn thread_cpu_seconds(pid: u32, name: &str) -> anyhow::Result<f64> {
    let mut ticks = 0;
    for task in Process::new(i32::try_from(pid)?)?.tasks()? {
        let stat = task?.stat()?;
        ticks += if stat.comm.starts_with(name) { stat.utime + stat.stime } else { 0 };
    }
    Ok(ticks as f64 / procfs::ticks_per_second() as f64)
}

/// The CPU time so far of all threads but the hash workers, in seconds.
pub fn outside_hashes(pid: u32) -> anyhow::Result<f64> {
    Ok(cpu_seconds(pid)? - thread_cpu_seconds(pid, "hash-")?)
}

/// How many threads of this machine ran or wanted to in the last minute, on average, as a part of its processors.
pub fn machine_load() -> anyhow::Result<f64> {
    let processors = thread::available_parallelism()?.get();
    Ok(f64::from(LoadAverage::current()?.one) / processors as f64)
}

/// Resident memory of a process.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// Now (`VmRSS`), in MiB.
    pub resident: f64,
    /// The most so far (`VmHWM`), in MiB.
    pub peak: f64,
}

/// Reads the resident memory of a process.
pub fn memory(pid: u32) -> anyhow::Result<Memory> {
    let status = Process::new(i32::try_from(pid)?)?.status()?;
    let resident = status.vmrss.context("no VmRSS")? as f64 / 1024.0;
    let peak = status.vmhwm.context("no VmHWM")? as f64 / 1024.0;
    Ok(Memory { resident, peak })
}
