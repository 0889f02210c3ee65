//! Programs of others that verify a token: PyJWT, and `jose` of npm.

use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

use serde_json::Value;

use crate::common::packages;

/// The claims of a token that PyJWT believes, or what it says against it.
pub fn pyjwt(jwks: &str, issuer: &str, audience: &str, token: &str) -> Result<Value, String> {
    static FOLDER: LazyLock<PathBuf> =
        LazyLock::new(|| packages::pip("pyjwt", include_str!("verifiers/requirements.txt")));
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/access_tokens/verifiers/verify.py");
    claims(Command::new(FOLDER.join("bin/python")).arg(script), [jwks, issuer, audience, token])
}

/// The claims of a token that `jose` believes, or what it says against it.
pub fn jose(jwks: &str, issuer: &str, audience: &str, token: &str) -> Result<Value, String> {
    static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| packages::npm("jose", "access_tokens/verifiers"));
    claims(Command::new("node").arg("verify.mjs").current_dir(&*FOLDER), [jwks, issuer, audience, token])
}

fn claims(command: &mut Command, arguments: [&str; 4]) -> Result<Value, String> {
    let output = command.args(arguments).output().unwrap();
    match output.status.success() {
        true => Ok(serde_json::from_slice(&output.stdout).unwrap()),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}
