//! Tells the binary where it comes from: `NEODYME_REVISION` and `NEODYME_RUSTC`, shown by `neodyme --version`.

use std::process::Command;

fn main() {
    let compiler = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".into());
    let revision = std::env::var("SOURCE_REVISION").ok().filter(|revision| !revision.is_empty());
    let revision = revision.or_else(|| output_of("git", &["rev-parse", "--short=9", "HEAD"]));
    let rustc = output_of(&compiler, &["--version"]).and_then(|line| line.split(' ').nth(1).map(String::from));
    println!("cargo::rustc-env=NEODYME_REVISION={}", revision.as_deref().unwrap_or("unknown"));
    println!("cargo::rustc-env=NEODYME_RUSTC={}", rustc.as_deref().unwrap_or("unknown"));

    // Migrations are embedded: a new folder must rebuild the crate.
    println!("cargo::rerun-if-changed=migrations");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=SOURCE_REVISION");
    if let Some(path) = output_of("git", &["rev-parse", "--git-path", "logs/HEAD"]) {
        println!("cargo::rerun-if-changed={path}");
    }
}

/// What the program prints, trimmed; `None` if it is missing or fails.
fn output_of(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned()).filter(|text| !text.is_empty())
}
