//! What a process has used, read from `/proc`.

use anyhow::Context;
use procfs::process::Process;

/// The CPU time of a process so far, in user and kernel mode together, in seconds; the kernel counts in steps of 10 ms.
pub fn cpu_seconds(pid: u32) -> anyhow::Result<f64> {
    let stat = Process::new(i32::try_from(pid)?)?.stat()?;
    Ok((stat.utime + stat.stime) as f64 / procfs::ticks_per_second() as f64)
}

/// The CPU time so far of the threads of that name, in seconds.
pub fn thread_cpu_seconds(pid: u32, name: &str) -> anyhow::Result<f64> {
    let mut ticks = 0;
    for task in Process::new(i32::try_from(pid)?)?.tasks()? {
        let stat = task?.stat()?;
        ticks += if stat.comm == name { stat.utime + stat.stime } else { 0 };
    }
    Ok(ticks as f64 / procfs::ticks_per_second() as f64)
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
