//! A child process that does not outlive the benchmark.

use std::process::Child;
use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use tokio::time::sleep;

/// How long a start or a stop may take before the benchmark gives up.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A running child process; it is killed when dropped.
pub struct Process(pub Child);

impl Process {
    /// The id of the process.
    pub fn pid(&self) -> u32 {
        self.0.id()
    }

    /// Fails when the process has ended.
    pub fn ensure_running(&mut self) -> anyhow::Result<()> {
        match self.0.try_wait()? {
            Some(status) => bail!("the process ended with {status}"),
            None => Ok(()),
        }
    }

    /// Stops the process as an operator does, and waits for its end.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        kill_process(Pid::from_child(&self.0), Signal::TERM)?;
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Some(status) = self.0.try_wait()? {
                ensure!(status.success(), "the process ended with {status}");
                return Ok(());
            }
            sleep(Duration::from_millis(20)).await;
        }
        bail!("the process does not stop")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already; there is nobody to tell if not.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
