//! A real browser, without a window.

use std::process::{Command, Stdio};

use super::programs::program;

/// The document that Chromium makes of a page, once it is loaded.
pub fn open(url: &str) -> String {
    let profile = tempfile::tempdir().unwrap();
    let output = Command::new(program("chromium"))
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage"])
        .args(["--no-proxy-server", "--timeout=20000", "--dump-dom"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(url)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
