//! `GET /config` and `GET /version`: what is running, and how.

use http::StatusCode;
use serde::Serialize;

use crate::build;
use crate::error::Result;
use crate::http::{Response, json};
use crate::password;
use crate::state::App;

#[derive(Serialize)]
struct Settings<'a> {
    settings: Vec<Setting<'a>>,
}

#[derive(Serialize)]
struct Setting<'a> {
    setting: &'static str,
    value: &'a str,
    source: String,
}

#[derive(Serialize)]
struct Version {
    name: &'static str,
    version: &'static str,
    revision: &'static str,
    rustc: &'static str,
    password_hash_kernel: &'static str,
}

/// Every setting in force, secrets redacted.
pub(super) fn config(app: &App) -> Result<Response> {
    let settings = app.config.effective().iter();
    let settings = settings.map(|effective| Setting {
        setting: effective.key,
        value: &effective.value,
        source: effective.source.to_string(),
    });
    json(StatusCode::OK, &Settings { settings: settings.collect() })
}

/// What was built into this binary, and what it found of the CPU.
pub(super) fn version() -> Result<Response> {
    let build::Build { version, revision, rustc } = build::INFO;
    let password_hash_kernel = password::kernel().as_str();
    json(StatusCode::OK, &Version { name: "neodyme", version, revision, rustc, password_hash_kernel })
}
