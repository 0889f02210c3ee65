//! The release binary as a child process, on free ports, with its default settings but for the rates of one client: all load
//! comes from one address.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::sleep;

use crate::process::{PATIENCE, Process};

/// A running service.
pub struct Service {
    /// The process.
    pub process: Process,
    /// The address of the API listener.
    pub api: SocketAddr,
    /// The address of the operations listener.
    pub ops: SocketAddr,
    stdout: File,
}

/// A new folder on the disk that holds the build, removed when dropped.
pub fn folder() -> anyhow::Result<TempDir> {
    Ok(tempfile::Builder::new().prefix("service-").tempdir_in(env!("CARGO_TARGET_TMPDIR"))?)
}

/// The URL of a SQLite database in `folder`.
pub fn sqlite_url(folder: &Path) -> String {
    format!("sqlite://{}", folder.join("neodyme.db").display())
}

/// The command that starts the service, without any setting of the caller's environment.
pub fn command(api: &str, database_url: &str, stdout: File) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_neodyme"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| is_setting(name)) {
        command.env_remove(name);
    }
    command.env("NEODYME_API_LISTEN", api).env("NEODYME_OPS_LISTEN", "127.0.0.1:0");
    command.env("NEODYME_REGISTRATIONS_PER_CLIENT", "0").env("NEODYME_HTTP_REQUESTS_PER_CLIENT", "1000000000");
    command.env("NEODYME_LOGINS_PER_CLIENT", "0").env("NEODYME_REFRESHES_PER_CLIENT", "0");
    command.env("NEODYME_DATABASE_URL", database_url).stdin(Stdio::null()).stdout(stdout);
    command
}

fn is_setting(name: &OsStr) -> bool {
    name.to_string_lossy().starts_with("NEODYME_")
}

impl Service {
    /// Starts the service and waits until it is ready; its log goes to a file in `folder`, which costs the benchmark
    /// nothing to take.
    pub async fn start(folder: &Path, database_url: &str) -> anyhow::Result<Service> {
        Service::start_with(folder, database_url, &[]).await
    }

    /// The same, with settings of its own, given as variables.
    pub async fn start_with(folder: &Path, database_url: &str, settings: &[(&str, &str)]) -> anyhow::Result<Service> {
        let log = folder.join("stdout.jsonl");
        let stdout = OpenOptions::new().create(true).append(true).open(&log)?;
        let mut command = command("127.0.0.1:0", database_url, stdout.try_clone()?);
        let mut process = Process(command.envs(settings.iter().copied()).current_dir(folder).spawn()?);
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            let text = fs::read_to_string(&log)?;
            process.ensure_running().with_context(|| text.clone())?;
            if let Some((api, ops)) = addresses(&text) {
                return Ok(Service { process, api, ops, stdout });
            }
            sleep(Duration::from_millis(5)).await;
        }
        bail!("the service does not get ready:\n{}", fs::read_to_string(log)?)
    }

    /// The id of the process.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Throws away what the service has logged so far, so that a long run does not fill the disk. The service appends,
    /// so it goes on at the beginning of the file.
    pub fn forget_log(&self) -> anyhow::Result<()> {
        Ok(self.stdout.set_len(0)?)
    }
}

/// The API's and the operations' addresses from the "Listening" lines, once "Ready" was logged.
fn addresses(log: &str) -> Option<(SocketAddr, SocketAddr)> {
    let lines: Vec<Value> = log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let address = |listener: &str| {
        let line =
            lines.iter().find(|line| line["message"] == "Listening" && line["context"]["listener"] == listener)?;
        line["context"]["address"].as_str()?.parse().ok()
    };
    lines.iter().find(|line| line["message"] == "Ready")?;
    Some((address("api")?, address("ops")?))
}
