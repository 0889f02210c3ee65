//! A server beside neodyme that runs in a folder of its own, with the shipped files in it, and stops with the test.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::{eventually, http};

/// The server.
pub struct Daemon {
    child: Child,
    folder: TempDir,
}

impl Daemon {
    /// Starts a program; `prepare` fills its folder and says its arguments.
    pub fn start(program: &Path, prepare: impl FnOnce(&Path, &mut Command)) -> Daemon {
        let folder = tempfile::tempdir().unwrap();
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let mut command = Command::new(program);
        prepare(folder.path(), &mut command);
        command.current_dir(folder.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        Daemon { child: command.spawn().unwrap(), folder }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("A server said:\n{}", fs::read_to_string(self.folder.path().join("log")).unwrap_or_default());
        }
    }
}

/// Waits until a server says that it is ready, as Prometheus and Alertmanager do.
pub async fn until_ready(name: &str, url: &str) {
    let (client, url) = (http::client(), format!("{url}/-/ready"));
    let is_ready = async || client.get(&url).send().await.is_ok_and(|answer| answer.status().is_success());
    eventually(&format!("{name} is ready"), async || is_ready().await.then_some(())).await;
}

/// A file of the project.
pub fn shipped(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Replaces what must be there exactly once, so that a changed file does not quietly test something else.
pub fn replace(text: &str, from: &str, to: &str) -> String {
    assert_eq!(text.matches(from).count(), 1, "`{from}` in\n{text}");
    text.replace(from, to)
}

/// Copies the files of a folder of the project, but not its folders.
pub fn copy_files(from: &str, to: &Path) {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join(from);
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap).filter(|entry| entry.path().is_file()) {
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}
