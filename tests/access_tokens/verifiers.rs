//! Programs of others that verify a token: PyJWT, and `jose` of npm. They are fetched once into the build folder.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use serde_json::Value;

const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/access_tokens/verifiers");

/// The claims of a token that PyJWT believes, or what it says against it.
pub fn pyjwt(jwks: &str, issuer: &str, audience: &str, token: &str) -> Result<Value, String> {
    static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
        installed("pyjwt", |folder| {
            run(Command::new("python3").args(["-m", "venv"]).arg(folder));
            let requirements = format!("{SOURCES}/requirements.txt");
            let pip = ["install", "--quiet", "--disable-pip-version-check", "--requirement", &requirements];
            run(Command::new(folder.join("bin/pip")).args(pip));
        })
    });
    claims(Command::new(FOLDER.join("bin/python")).arg(format!("{SOURCES}/verify.py")), [jwks, issuer, audience, token])
}

/// The claims of a token that `jose` believes, or what it says against it.
pub fn jose(jwks: &str, issuer: &str, audience: &str, token: &str) -> Result<Value, String> {
    static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
        installed("jose", |folder| {
            for file in ["package.json", "package-lock.json", "verify.mjs"] {
                std::fs::copy(format!("{SOURCES}/{file}"), folder.join(file)).unwrap();
            }
            run(Command::new("npm").args(["ci", "--silent", "--no-audit", "--no-fund"]).current_dir(folder));
        })
    });
    claims(Command::new("node").arg("verify.mjs").current_dir(&*FOLDER), [jwks, issuer, audience, token])
}

fn claims(command: &mut Command, arguments: [&str; 4]) -> Result<Value, String> {
    let output = command.args(arguments).output().unwrap();
    match output.status.success() {
        true => Ok(serde_json::from_slice(&output.stdout).unwrap()),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}

/// A folder with such a program. Tests that run at once may each make one; the first one stays.
fn installed(name: &str, install: impl FnOnce(&Path)) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("token-verifiers").join(name);
    if !folder.join("is-whole").exists() {
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        install(&folder);
        std::fs::write(folder.join("is-whole"), "").unwrap();
    }
    folder
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}; run `make deps`"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
