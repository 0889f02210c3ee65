//! The programs beside neodyme that tests start: where they are, as whom they run, on which port.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU16, Ordering};

/// The path of a program: on the PATH, or among PostgreSQL's server binaries as Debian lays them out.
pub fn program(name: &str) -> PathBuf {
    any_program(&[name])
}

/// The path of a program that has several names.
pub fn any_program(names: &[&str]) -> PathBuf {
    names
        .iter()
        .find_map(|name| find(name))
        .unwrap_or_else(|| panic!("`{}` is not installed: run `make deps`", names[0]))
}

fn find(name: &str) -> Option<PathBuf> {
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    let versioned = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|d| d.path().join("bin"));
    let mut folders: Vec<PathBuf> = versioned.collect();
    folders.sort_by_key(|folder| std::cmp::Reverse(postgres_version(folder)));
    folders.extend(std::env::split_paths(&on_path));
    folders.push("/usr/sbin".into());
    folders.into_iter().map(|folder| folder.join(name)).find(|path| path.is_file())
}

fn postgres_version(bin: &Path) -> u32 {
    bin.parent().and_then(Path::file_name).and_then(|v| v.to_str()).and_then(|v| v.parse().ok()).unwrap_or_default()
}

/// Whom to run as what refuses root, or what root's rights would spare: nobody else when the tests are not root.
pub fn unprivileged() -> Option<(u32, u32)> {
    let is_root = fs::metadata("/proc/self").unwrap().uid() == 0;
    is_root.then(|| user("postgres").or_else(|| user("nobody")).expect("a user `postgres` or `nobody`"))
}

fn user(name: &str) -> Option<(u32, u32)> {
    let users = fs::read_to_string("/etc/passwd").ok()?;
    let fields: Vec<&str> = users.lines().map(|l| l.split(':').collect()).find(|f: &Vec<&str>| f[0] == name)?;
    Some((fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?))
}

/// A free port of 127.0.0.1 that stays free while nobody listens there: clients' ports are not taken from this range.
pub fn lasting_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = u16::try_from(std::process::id() % 10_000).unwrap();
    let ports = std::iter::repeat_with(|| 20_000 + (first + NEXT.fetch_add(1, Ordering::Relaxed)) % 10_000);
    ports.take(10_000).find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).expect("a free port")
}
