//! A PostgreSQL cluster of the tests' own: own data folder, own port, gone with the test process however that ends.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};

use super::programs::{lasting_port, program, unprivileged};

/// Obeys `pg_ctl` arguments a line at a time and answers with their exit codes. When its stdin closes, because the
/// cluster was dropped or the test process died, it stops the server and deletes the folder.
const KEEPER: &str = r#"
trap '' INT TERM HUP
data=$1 pg_ctl=$2
while read -r command; do
    $pg_ctl -D "$data" -w -l "$data/server.log" $command </dev/null >/dev/null 2>&1
    echo $?
done
$pg_ctl -D "$data" -w -m immediate stop </dev/null >/dev/null 2>&1
rm -rf "$data"
"#;

/// Fast, and for many small pools. A killed *service* must lose nothing; the server itself only ever stops.
const SETTINGS: &str = "
listen_addresses = '127.0.0.1'
fsync = off
full_page_writes = off
shared_buffers = 32MB
max_connections = 300
max_wal_size = 256MB
autovacuum = off
lc_messages = 'C'
";

/// How the server stops.
#[derive(Clone, Copy, Debug)]
pub enum StopMode {
    /// Sessions are told, transactions rolled back.
    Fast,
    /// As if it had crashed.
    Immediate,
}

/// A running cluster with the superuser `postgres`, trusted from this machine.
pub struct Cluster {
    port: u16,
    data: PathBuf,
    keeper: Mutex<Keeper>,
}

struct Keeper {
    child: Child,
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Cluster {
    /// Makes and starts a cluster.
    pub fn start() -> Cluster {
        let data = data_folder();
        let mut initdb = Command::new(program("initdb"));
        initdb
            .args(["--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "--no-sync", "-D"])
            .arg(&data);
        let made = as_owner(&mut initdb).output().unwrap();
        assert!(made.status.success(), "initdb failed: {}", String::from_utf8_lossy(&made.stderr));

        Cluster::on(data, SETTINGS)
    }

    /// Makes and starts a standby, which follows this server until it is promoted.
    pub fn start_standby(&self) -> Cluster {
        let data = data_folder();
        let mut copy = Command::new(program("pg_basebackup"));
        copy.args([
            "--host=127.0.0.1",
            "--username=postgres",
            "--checkpoint=fast",
            "--no-sync",
            "--write-recovery-conf",
        ]);
        copy.args(["--port", &self.port.to_string(), "-D"]).arg(&data);
        let made = as_owner(&mut copy).output().unwrap();
        assert!(made.status.success(), "pg_basebackup failed: {}", String::from_utf8_lossy(&made.stderr));
        Cluster::on(data, "")
    }

    fn on(data: PathBuf, settings: &str) -> Cluster {
        let port = lasting_port();
        let settings = format!("{settings}\nport = {port}\nunix_socket_directories = '{}'\n", data.display());
        let mut file = fs::OpenOptions::new().append(true).open(data.join("postgresql.conf")).unwrap();
        file.write_all(settings.as_bytes()).unwrap();

        let cluster = Cluster { port, keeper: Mutex::new(Keeper::start(&data)), data };
        cluster.start_again();
        cluster
    }

    /// The folder of its socket.
    pub fn socket_folder(&self) -> &Path {
        &self.data
    }

    /// `127.0.0.1:…`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The one cluster of this test binary, for tests that leave it running.
    pub fn shared() -> &'static Cluster {
        static SHARED: OnceLock<Cluster> = OnceLock::new();
        SHARED.get_or_init(Cluster::start)
    }

    /// Makes an empty database and returns its URL.
    pub fn create_database(&self) -> String {
        self.create_database_with(&[])
    }

    /// The same, with more arguments for `createdb`.
    pub fn create_database_with(&self, arguments: &[&str]) -> String {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let port = self.port.to_string();
        let made = Command::new(program("createdb"))
            .args(["--host=127.0.0.1", "--username=postgres", "--port", &port, &name])
            .args(arguments)
            .output()
            .unwrap();
        assert!(made.status.success(), "createdb failed: {}", String::from_utf8_lossy(&made.stderr));
        format!("postgres://postgres@127.0.0.1:{port}/{name}")
    }

    /// Stops the server; the data stay.
    pub fn stop(&self, mode: StopMode) {
        self.pg_ctl(match mode {
            StopMode::Fast => "-m fast stop",
            StopMode::Immediate => "-m immediate stop",
        });
    }

    /// Makes a standby the primary.
    pub fn promote(&self) {
        self.pg_ctl("promote");
    }

    /// Starts the server again, on the same port.
    pub fn start_again(&self) {
        self.pg_ctl("start");
    }

    fn pg_ctl(&self, command: &str) {
        let code = self.keeper.lock().unwrap().run(command);
        let log = || fs::read_to_string(self.data.join("server.log")).unwrap_or_default();
        assert_eq!(code, "0", "pg_ctl {command} failed: {}", log());
    }
}

impl Keeper {
    fn start(data: &Path) -> Keeper {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", KEEPER, "keeper"]).arg(data).arg(program("pg_ctl"));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).process_group(0);
        let mut child = as_owner(&mut command).spawn().unwrap();
        let commands = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().unwrap());
        Keeper { child, commands, answers }
    }

    fn run(&mut self, command: &str) -> String {
        writeln!(self.commands.as_mut().unwrap(), "{command}").unwrap();
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        answer.trim().to_owned()
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.commands.take());
        let _ = self.child.wait();
    }
}

/// The server refuses to run as root, and its folder must be its own.
fn as_owner(command: &mut Command) -> &mut Command {
    command.current_dir("/");
    match unprivileged() {
        Some((uid, gid)) => command.uid(uid).gid(gid),
        None => command,
    }
}

fn data_folder() -> PathBuf {
    let folder = tempfile::Builder::new().prefix("neodyme-postgres-").tempdir().unwrap().keep();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
    if let Some((uid, gid)) = unprivileged() {
        chown(&folder, Some(uid), Some(gid)).unwrap();
    }
    folder
}
