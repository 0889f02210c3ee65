//! How an app under test is started.

use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use super::database::{Backend, Database};
use super::programs::unprivileged;

/// How an app is started. Hashing is cheap unless a test says otherwise.
#[derive(Clone, Debug)]
pub struct AppOptions {
    pub(super) database: Option<Database>,
    pub(super) backend: Backend,
    variables: Vec<(String, String)>,
    without_root: bool,
    limits: Vec<String>,
    small_disk: Option<SmallDisk>,
}

/// A disk of 4 MB, in a folder of the app.
#[derive(Clone, Debug)]
struct SmallDisk {
    folder: String,
    /// Done before the app starts, in sh(1), where `$0` is the binary.
    prepared: &'static str,
}

/// What webhooks are signed with.
pub const WEBHOOK_SECRET: &str = "whsec_Y2FuYXJ5LXRoYXQtbm9ib2R5LW1heS1zZWU=";

const MOUNTING: [&str; 3] = ["--user", "--map-root-user", "--mount"];

impl AppOptions {
    /// With nothing set.
    pub fn bare() -> AppOptions {
        AppOptions {
            database: None,
            backend: Backend::Sqlite,
            variables: Vec::new(),
            without_root: false,
            limits: Vec::new(),
            small_disk: None,
        }
    }

    /// With a database of its own.
    pub fn on(backend: Backend) -> AppOptions {
        AppOptions { backend, ..AppOptions::bare() }
            .set("api_listen", "127.0.0.1:0")
            .set("ops_listen", "127.0.0.1:0")
            .set("log_format", "json")
            .set("password_argon2_memory_kib", 8)
            .set("password_argon2_iterations", 1)
            .set("shutdown_delay", "0s")
            .set("registrations_per_client", 0)
            .set("logins_per_client", 0)
            .set("refreshes_per_client", 0)
            .set("http_requests_per_client", 0)
    }

    /// With this database.
    pub fn on_database(database: Database) -> AppOptions {
        AppOptions { database: Some(database), ..AppOptions::on(Backend::Sqlite) }
    }

    /// With a setting, by its key: `set("http_max_connections", 2)`. The last one counts.
    pub fn set(mut self, key: &str, value: impl ToString) -> AppOptions {
        self.variables.push((format!("NEODYME_{}", key.to_uppercase()), value.to_string()));
        self
    }

    /// With settings, by their keys, such as those of a fake at the far end of a socket. The last one counts.
    pub fn set_all<V: ToString>(self, settings: impl IntoIterator<Item = (&'static str, V)>) -> AppOptions {
        settings.into_iter().fold(self, |options, (key, value)| options.set(key, value))
    }

    /// With an endpoint of webhooks on this machine, whose requests are signed with [`WEBHOOK_SECRET`].
    pub fn webhook(self, number: usize, url: &str) -> AppOptions {
        self.set(&format!("webhook_{number}_url"), url)
            .set(&format!("webhook_{number}_secret"), WEBHOOK_SECRET)
            .set("webhook_private_networks", "127.0.0.0/8")
    }

    /// With a variable of the environment that is no setting of ours.
    pub fn variable(mut self, name: &str, value: impl ToString) -> AppOptions {
        self.variables.push((name.to_owned(), value.to_string()));
        self
    }

    /// With one hash worker that takes some 300 ms for a password.
    pub fn slow_hashing(self) -> AppOptions {
        self.set("password_hash_workers", 1)
            .set("password_argon2_memory_kib", 19456)
            .set("password_argon2_iterations", 120)
            .set("password_hash_max_wait", "60s")
            .set("http_request_timeout", "60s")
    }

    /// Without the rights of root, which no file permission binds.
    pub fn without_root(mut self) -> AppOptions {
        self.without_root = true;
        self
    }

    /// With a limit as prlimit(1) takes it: `("nofile", 300)` for so many files, `("nofile", "64:300")` if it may be raised.
    pub fn limit(mut self, resource: &str, limit: impl ToString) -> AppOptions {
        self.limits.push(format!("--{resource}={}", limit.to_string()));
        self
    }

    /// With a disk of its own, of 4 MB, in this folder of its; or nothing, where the machine does not let users mount. It is
    /// there for the app only, and for others under `/proc/PID/root`.
    pub fn on_small_disk(mut self, folder: &str) -> Option<AppOptions> {
        let mounted = Command::new("unshare").args(MOUNTING).args(["true"]).status();
        if !mounted.is_ok_and(|status| status.success()) {
            eprintln!("not tested: this machine does not let users mount (unshare)");
            return None;
        }
        self.small_disk = Some(SmallDisk { folder: folder.to_owned(), prepared: "true" });
        Some(self)
    }

    /// The same, with a migrated database on it that nobody uses, and no room for anything else. It is for options without
    /// limits.
    pub fn on_full_disk(self, folder: &str) -> Option<AppOptions> {
        let mut options = self.on_small_disk(folder)?;
        if let Some(disk) = &mut options.small_disk {
            disk.prepared = r#""$0" migrate > /dev/null && ! cat /dev/zero > "$DISK/ballast""#;
        }
        Some(options)
    }

    /// Runs the binary to its end, in a folder that holds what it shall find.
    pub fn run(&self, arguments: &[&str], folder: &Path) -> Output {
        self.command(folder).args(arguments).output().unwrap()
    }

    pub(super) fn command(&self, folder: &Path) -> Command {
        let binary = PathBuf::from(env!("CARGO_BIN_EXE_neodyme"));
        let mut command = match unprivileged().filter(|_| self.without_root) {
            None => self.limited(&binary),
            Some((uid, gid)) => {
                // The build folder may be closed to others.
                let copy = folder.join("neodyme");
                std::fs::copy(binary, &copy).unwrap();
                chown(folder, Some(uid), Some(gid)).unwrap();
                let mut command = self.limited(&copy);
                command.uid(uid).gid(gid);
                command
            }
        };
        command.env_clear().envs(self.variables.iter().cloned()).current_dir(folder).stdin(Stdio::null());
        if let Some(database) = &self.database {
            command.env("NEODYME_DATABASE_URL", database.url());
        }
        command
    }

    fn limited(&self, binary: &Path) -> Command {
        let mut words: Vec<String> = Vec::new();
        if let Some(SmallDisk { folder, prepared }) = &self.small_disk {
            let mount = format!(
                r#"DISK={folder} && mkdir $DISK && mount -t tmpfs -o size=4m tmpfs $DISK && {prepared} && exec "$0" "$@""#
            );
            words.extend(["unshare"].iter().chain(&MOUNTING).chain(&["/bin/sh", "-c"]).map(ToString::to_string));
            words.push(mount);
        }
        if !self.limits.is_empty() {
            words.push("/usr/bin/prlimit".into());
            words.extend(self.limits.iter().cloned());
        }
        words.push(binary.display().to_string());
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]);
        command
    }
}
