//! Tells the binary where it comes from, `NEODYME_REVISION` and `NEODYME_RUSTC`, shown by `neodyme --version`; and puts the
//! documents into it.

use std::path::PathBuf;
use std::process::Command;
use std::{env, fs, io};

/// What the operations listener serves.
const DOCUMENTS: [&str; 2] = ["docs", "docs/runbooks"];

fn main() -> io::Result<()> {
    let compiler = env::var("RUSTC").unwrap_or_else(|_| "rustc".into());
    let revision = env::var("SOURCE_REVISION").ok().filter(|revision| !revision.is_empty());
    let revision = revision.or_else(|| output_of("git", &["rev-parse", "--short=9", "HEAD"]));
    let rustc = output_of(&compiler, &["--version"]).and_then(|line| line.split(' ').nth(1).map(String::from));
    println!("cargo::rustc-env=NEODYME_REVISION={}", revision.as_deref().unwrap_or("unknown"));
    println!("cargo::rustc-env=NEODYME_RUSTC={}", rustc.as_deref().unwrap_or("unknown"));

    fs::write(PathBuf::from(env::var("OUT_DIR").unwrap_or_default()).join("documents.rs"), documents()?)?;

    // Migrations and documents are embedded: a new one must rebuild the crate.
    println!("cargo::rerun-if-changed=migrations");
    DOCUMENTS.iter().for_each(|folder| println!("cargo::rerun-if-changed={folder}"));
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=SOURCE_REVISION");
    if let Some(path) = output_of("git", &["rev-parse", "--git-path", "logs/HEAD"]) {
        println!("cargo::rerun-if-changed={path}");
    }
    Ok(())
}

/// An array with the path and the text of each document, in the order of the paths.
fn documents() -> io::Result<String> {
    let mut paths = Vec::new();
    for folder in DOCUMENTS {
        for entry in fs::read_dir(folder)? {
            paths.push(entry?.path());
        }
    }
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    paths.sort();
    let project = env::current_dir()?;
    let line = |path: &PathBuf| format!("({path:?}, include_str!({:?})),\n", project.join(path));
    Ok(format!("[\n{}]\n", paths.iter().map(line).collect::<String>()))
}

/// What the program prints, trimmed; `None` if it is missing or fails.
fn output_of(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned()).filter(|text| !text.is_empty())
}
