//! Configurations for other targets, and what holds of any.

use neodyme::config::{Config, Problems, SETTINGS, Setting, Sources};

use super::shown::CANARY;

/// The configuration with these settings and otherwise the defaults.
pub fn with(settings: &[(&str, &str)]) -> Config {
    let variable = |(key, value): &(&str, &str)| (format!("NEODYME_{}", key.to_uppercase()).into(), value.into());
    let environment = settings.iter().map(variable).collect();
    Config::load(&Sources { environment, ..Sources::default() }).unwrap_or_else(|problems| panic!("{problems}"))
}

/// What is shown of a configuration gives that configuration; what is wrong is said in one line each.
///
/// A setting that there is none of is named, however long that name is.
pub fn assert_sound(loaded: &Result<Config, Problems>, input: &[u8]) {
    match loaded {
        Ok(config) => assert_same_again(config),
        Err(problems) => {
            for problem in problems.iter() {
                let text = problem.to_string();
                assert!(!text.chars().any(char::is_control), "{text:?}");
                assert!(text.len() < 1_000 + 10 * input.len(), "{} bytes: {text}", text.len());
            }
        }
    }
}

fn assert_same_again(config: &Config) {
    let shown = config.effective().iter().filter(|setting| !is_secret(setting.key));
    // A path is shown with the replacement character for what is no Unicode.
    let shown: Vec<(&str, &str)> = shown.map(|setting| (setting.key, setting.value.as_str())).collect();
    let required = [("environment", "development"), ("smtp_username", "")];
    let again = with(&[&shown[..], &required].concat());
    for (key, value) in shown.iter().filter(|(key, _)| required.iter().all(|(other, _)| other != key)) {
        let other = again.effective().iter().find(|setting| setting.key == *key).map(|setting| setting.value.as_str());
        assert_eq!(other, Some(*value), "{key}");
    }
}

/// Whether no canary in this value of a setting may be shown. Of the database's address only the password is secret; a setting
/// that there is none of may be named, and a value that is wrong in a setting that is no secret quoted.
pub fn hides_canary(key: &str, value: &str) -> bool {
    let (text, password) = (format!("{key} {value}").to_lowercase(), format!(":{CANARY}@"));
    match text.matches(CANARY).count() {
        0 => true,
        1 if key == "database_url" => value.starts_with("postgres") && value.contains(&password),
        _ => key != "database_url" && is_secret(key),
    }
}

/// Whether what is shown of it is not what it is.
fn is_secret(key: &str) -> bool {
    Setting::find(key).is_some_and(|setting| setting.secret)
}

/// Everything that is shown of a configuration, or of what is wrong with it.
pub fn text_of(loaded: &Result<Config, Problems>) -> String {
    match loaded {
        Ok(config) => config.effective().iter().map(|setting| format!("{} {}\n", setting.key, setting.value)).collect(),
        Err(problems) => problems.to_string(),
    }
}

/// The setting that a variable of the environment gives a value to; the variable itself where there is none.
pub fn setting_of(variable: &str) -> &str {
    SETTINGS.iter().find(|setting| setting.variable() == variable).map_or(variable, |setting| setting.key)
}
