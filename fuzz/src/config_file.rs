//! The configuration file.

use std::fs;
use std::path::PathBuf;

use neodyme::config::{Config, Sources};
use toml::Value;

use super::configuration::{assert_sound, hides_canary, text_of};
use super::shown::assert_no_canary;

thread_local! {
    static FILE: PathBuf = std::env::temp_dir().join(format!("neodyme-fuzz-{}.toml", std::process::id()));
}

/// Any file is a configuration or is refused, and nothing of it is shown that may be a secret.
pub fn check(input: &[u8]) {
    let loaded = FILE.with(|file| {
        fs::write(file, input).expect("a file for the configuration");
        let loaded = Config::load(&Sources { config_file: Some(file.clone()), ..Sources::default() });
        let _ = fs::remove_file(file);
        loaded
    });
    assert_sound(&loaded, input);
    let table = std::str::from_utf8(input).ok().and_then(|text| text.parse::<toml::Table>().ok());
    if table.is_none_or(|table| table.iter().all(|(name, value)| is_hidden(name, value))) {
        assert_no_canary(&text_of(&loaded));
    }
}

fn is_hidden(name: &str, value: &Value) -> bool {
    match value {
        Value::Table(inner) => inner.iter().all(|(key, value)| is_hidden(&format!("{name}_{key}"), value)),
        Value::String(text) => hides_canary(name, text),
        other => hides_canary(name, &other.to_string()),
    }
}
