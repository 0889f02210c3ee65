//! `GET /config` and `GET /version`: what is running, and how.

use http::Method;
use serde::Serialize;

use crate::build;
use crate::error::Result;
use crate::http::{Access, Call, Endpoint, Json};
use crate::password;
use crate::state::App;

#[derive(Serialize, schemars::JsonSchema)]
struct Settings {
    settings: Vec<Setting>,
}

#[derive(Serialize, schemars::JsonSchema)]
struct Setting {
    setting: &'static str,
    value: String,
    source: String,
}

#[derive(Serialize, schemars::JsonSchema)]
struct Version {
    name: &'static str,
    version: &'static str,
    revision: &'static str,
    rustc: &'static str,
    password_hash_kernel: &'static str,
}

/// The lines of the table.
pub(super) fn endpoints() -> Vec<Endpoint<App>> {
    const CONFIG: &str = "The settings in force, secrets redacted, and where each comes from.";
    const VERSION: &str = "What is running: version, revision, compiler.";
    vec![
        Endpoint::new(Access::Token, Method::GET, "/config", CONFIG, config).always(),
        Endpoint::new(Access::Token, Method::GET, "/version", VERSION, version).always(),
    ]
}

async fn config(call: Call<App>, (): ()) -> Result<Json<Settings>> {
    let settings = call.state.config.effective().iter();
    let settings = settings.map(|effective| Setting {
        setting: effective.key,
        value: effective.value.clone(),
        source: effective.source.to_string(),
    });
    Ok(Json(Settings { settings: settings.collect() }))
}

async fn version(_call: Call<App>, (): ()) -> Result<Json<Version>> {
    let build::Build { version, revision, rustc } = build::INFO;
    let password_hash_kernel = password::kernel().as_str();
    Ok(Json(Version { name: "neodyme", version, revision, rustc, password_hash_kernel }))
}
