//! What is said of an error, with the values that are in force in place of the names of settings.

use crate::config::{Config, Effective, Setting};
use crate::operations::words::{counted, size};

/// What happened: `longer than http_request_timeout` is longer than 15 s.
pub(super) fn meaning(text: &str, config: &Config) -> String {
    replaced(text, config, |_, value| value)
}

/// What to do: a setting that is to be changed is named, with its value.
pub(super) fn remedy(text: &str, config: &Config) -> String {
    replaced(text, config, |name, value| format!("`{name}` (now {value})"))
}

/// What was met, of which only limits in time and size are values: other settings are named because they are to be changed.
pub(super) fn words(text: &str, config: &Config) -> String {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let is_limit = |setting: &Setting| setting.placeholder == "DURATION" || setting.key.ends_with("_bytes");
    let said = |part: &str| {
        let name = part.trim_end_matches(|c| !is_name(c));
        let limit = Setting::find(name).filter(|setting| is_limit(setting));
        let value = limit.and_then(|_| value(name, config));
        value.map_or_else(|| part.to_owned(), |value| value + &part[name.len()..])
    };
    text.split_inclusive(|c| !is_name(c)).map(said).collect()
}

/// Replaces each name of a setting between marks of code. Secrets stay names.
fn replaced(text: &str, config: &Config, say: impl Fn(&str, String) -> String) -> String {
    let parts = text.split('`').enumerate();
    let say = |(index, part): (usize, &str)| match (index % 2, value(part, config)) {
        (0, _) => part.to_owned(),
        (_, Some(value)) => say(part, value),
        (_, None) => format!("`{part}`"),
    };
    parts.map(say).collect()
}

fn value(name: &str, config: &Config) -> Option<String> {
    let setting = Setting::find(name).filter(|setting| !setting.secret)?;
    let Effective { value, .. } = config.effective().iter().find(|effective| effective.key == name)?;
    Some(in_words(setting, value))
}

/// A value as people say it: `15 s`, `1 day`, `16 KiB`.
fn in_words(setting: &Setting, value: &str) -> String {
    match value.parse::<u64>() {
        _ if value.is_empty() => "none".into(),
        Ok(bytes) if setting.key.ends_with("_bytes") => size(bytes),
        _ if setting.placeholder == "DURATION" => value.split(' ').map(duration).collect::<Vec<_>>().join(" "),
        _ => value.into(),
    }
}

/// One part of a duration, such as `15s`.
fn duration(part: &str) -> String {
    let (number, unit) = part.split_at(part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len()));
    match (number.parse(), unit) {
        (Ok(days), "d" | "day" | "days") => counted(days, "day"),
        (Ok(hours), "h") => counted(hours, "hour"),
        (Ok(_), "m") => format!("{number} min"),
        (Ok(_), _) => format!("{number} {unit}"),
        (Err(_), _) => part.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{SETTINGS, Sources};
    use crate::error::ErrorCode;

    fn config() -> Config {
        Config::load(&Sources::default()).unwrap()
    }

    #[test]
    fn a_meaning_has_values_and_no_names_of_settings() {
        let config = config();
        let of = |code: ErrorCode| meaning(code.about().meaning, &config);
        assert_eq!(of(ErrorCode::Timeout), "A request took longer than 15 s.");
        assert_eq!(of(ErrorCode::BodyTooLarge), "The body is larger than 16 KiB.");
        assert!(of(ErrorCode::EmailServiceError).contains("for 1 day"), "{}", of(ErrorCode::EmailServiceError));
        for code in ErrorCode::ALL {
            let names = |setting: &Setting| of(*code).contains(&format!("`{}`", setting.key));
            assert!(!SETTINGS.iter().any(names), "{}", of(*code));
        }
    }

    #[test]
    fn a_remedy_names_what_to_change_and_says_its_value() {
        let remedy = remedy(ErrorCode::RateLimited.about().remedy, &config());
        assert!(remedy.contains("`registrations_per_client` (now 600)"), "{remedy}");
        assert!(remedy.contains("`trusted_proxies` (now none)"), "{remedy}");
    }

    #[test]
    fn a_limit_that_was_met_is_its_value() {
        let config = config();
        let of = |text: &str| words(text, &config);
        assert_eq!(of("busy for database_acquire_timeout"), "busy for 2 s");
        assert_eq!(of("larger than http_max_header_bytes, or more"), "larger than 16 KiB, or more");
        assert_eq!(of("add the name to ops_allowed_hosts (now)"), "add the name to ops_allowed_hosts (now)");
    }

    #[test]
    fn secrets_and_other_names_stay() {
        let config = config();
        assert_eq!(meaning("The token in `ops_token`, or `Host`.", &config), "The token in `ops_token`, or `Host`.");
    }

    #[test]
    fn durations_are_said_in_words() {
        let said = ["15s", "1d", "3d", "1h", "10m", "500ms"].map(duration);
        assert_eq!(said, ["15 s", "1 day", "3 days", "1 hour", "10 min", "500 ms"]);
    }
}
