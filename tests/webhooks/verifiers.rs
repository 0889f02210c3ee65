//! Programs of others that verify a webhook: `standardwebhooks` of PyPI and of npm.

use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::common::analytics::Received;
use crate::common::packages;

/// The event of a request that the library of PyPI believes, or what it says against it.
pub fn python(secret: &str, request: &Received) -> Result<Value, String> {
    static FOLDER: LazyLock<PathBuf> =
        LazyLock::new(|| packages::pip("standardwebhooks", include_str!("verifiers/requirements.txt")));
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/webhooks/verifiers/verify.py");
    event(Command::new(FOLDER.join("bin/python")).arg(script), secret, request)
}

/// The event of a request that the library of npm believes, or what it says against it.
pub fn javascript(secret: &str, request: &Received) -> Result<Value, String> {
    static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| packages::npm("standardwebhooks-js", "webhooks/verifiers"));
    event(Command::new("node").arg("verify.mjs").current_dir(&*FOLDER), secret, request)
}

fn event(command: &mut Command, secret: &str, request: &Received) -> Result<Value, String> {
    let headers = ["webhook-id", "webhook-timestamp", "webhook-signature"].map(|name| (name, request.header(name)));
    let headers: serde_json::Map<String, Value> =
        headers.into_iter().map(|(name, value)| (name.to_owned(), json!(value))).collect();
    let output = command.args([secret, &json!(headers).to_string(), &request.text]).output().unwrap();
    match output.status.success() {
        true => Ok(serde_json::from_slice(&output.stdout).unwrap()),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}
