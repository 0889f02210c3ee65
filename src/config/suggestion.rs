//! What somebody may have meant by a name that is none: of a flag, a variable, a key of the file, a subcommand.

/// Words that people use for the same thing, ours among them.
const SAME: [&[&str]; 21] = [
    &["listen", "port"],
    &["listen", "bind", "address", "addr", "host"],
    &["api", "http", "server", "web"],
    &["ops", "admin", "management", "metrics", "operations"],
    &["database", "db", "postgres", "postgresql", "sqlite"],
    &["url", "uri", "dsn"],
    &["smtp", "mail", "email"],
    &["username", "user", "login"],
    &["password", "pass", "passwd"],
    &["tls", "ssl"],
    &["directory", "dir", "folder", "path"],
    &["environment", "env", "mode"],
    &["timeout", "deadline"],
    &["workers", "threads"],
    &["bytes", "size", "limit"],
    &["level", "verbosity"],
    &["serve", "start", "run", "server"],
    &["check", "config", "settings", "validate"],
    &["health", "status", "ready", "ping"],
    &["outbox", "jobs", "queue"],
    &["id", "job"],
];
/// A word for the same thing is a little less than the word itself.
const SAME_THING: f64 = 0.95;
/// Words, or names without their separators, that are spelled less alike than this have nothing to do with each other.
const SPELLED_ALIKE: f64 = 0.85;
/// A name that is less like what was given is not meant.
const LIKE: f64 = 0.6;
/// So much less like it than the best, a name may still be the one that is meant.
const NEAR_THE_BEST: f64 = 0.1;
const MOST: usize = 3;

/// The names that may have been meant, at most three, in the order in which they were given.
pub fn similar(given: &str, names: impl Iterator<Item = String>) -> Vec<String> {
    let rated: Vec<_> = names.map(|name| (likeness(given, &name), name)).collect();
    let best = rated.iter().map(|(likeness, _)| *likeness).fold(LIKE, f64::max);
    // Beside the same words nothing else is meant.
    let near_the_best = if best < 1.0 { NEAR_THE_BEST } else { 0.0 };
    let near = rated.into_iter().filter(|(likeness, _)| *likeness >= LIKE.max(best - near_the_best));
    near.map(|(_, name)| name).take(MOST).collect()
}

/// `; did you mean …?` if there is something that may have been meant.
pub(super) fn question(given: &str, names: impl Iterator<Item = String>) -> String {
    match similar(given, names).as_slice() {
        [] => String::new(),
        [one] => format!("; did you mean {one}?"),
        [others @ .., last] => format!("; did you mean {} or {last}?", others.join(", ")),
    }
}

/// From 0 to 1, by words in any order, or by letters where the words are not told apart.
fn likeness(given: &str, name: &str) -> f64 {
    let (given, name) = (words(given), words(name));
    let by_letters = strsim::jaro(&given.concat(), &name.concat());
    let by_words = 2.0 * words_in_common(&given, &name) / (given.len() + name.len()).max(1) as f64;
    if by_letters < SPELLED_ALIKE { by_words } else { by_words.max(by_letters) }
}

fn words(name: &str) -> Vec<String> {
    let words = name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase);
    words.filter(|word| word != "neodyme").collect()
}

/// How many words have a counterpart; one that is only similar counts for less.
fn words_in_common(given: &[String], name: &[String]) -> f64 {
    let mut free: Vec<&String> = name.iter().collect();
    let mut sum = 0.0;
    for word in given {
        let rated = free.iter().map(|other| words_likeness(word, other)).enumerate();
        if let Some((position, likeness)) = rated.max_by(|a, b| a.1.total_cmp(&b.1)) {
            sum += likeness;
            if likeness > 0.0 {
                free.swap_remove(position);
            }
        }
    }
    sum
}

fn words_likeness(one: &str, other: &str) -> f64 {
    let spelling = strsim::jaro_winkler(one, other);
    let is_same_thing = SAME.iter().any(|group| group.contains(&one) && group.contains(&other));
    match spelling {
        _ if one == other => 1.0,
        spelling if is_same_thing => spelling.max(SAME_THING),
        spelling if spelling >= SPELLED_ALIKE => spelling,
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::SETTINGS;

    fn meant(given: &str) -> Vec<String> {
        similar(given, SETTINGS.iter().map(|setting| setting.key.to_owned()))
    }

    #[test]
    fn what_is_misspelled_or_called_otherwise_is_recognised() {
        for (given, expected) in [
            ("log_fromat", "log_format"),
            ("loglevel", "log_level"),
            ("LogLevel", "log_level"),
            ("log-levle", "log_level"),
            ("level_log", "log_level"),
            ("api_port", "api_listen"),
            ("http_port", "api_listen"),
            ("bind_api", "api_listen"),
            ("ops_port", "ops_listen"),
            ("admin_port", "ops_listen"),
            ("databseurl", "database_url"),
            ("database", "database_url"),
            ("db_url", "database_url"),
            ("postgres_dsn", "database_url"),
            ("pool_size", "database_pool_size"),
            ("max_connections", "http_max_connections"),
            ("max_body_size", "http_max_body_bytes"),
            ("body_limit", "http_max_body_bytes"),
            ("trusted_proxy", "trusted_proxies"),
            ("email_host", "smtp_host"),
            ("smtp_user", "smtp_username"),
            ("smtp_pass", "smtp_password"),
            ("smtp_ssl", "smtp_tls"),
            ("email_from", "mail_from"),
            ("mail_dir", "mail_directory"),
            ("analytics_url", "analytics_base_url"),
            ("env", "environment"),
            ("token", "ops_token"),
            ("hash_threads", "password_hash_workers"),
        ] {
            assert_eq!(meant(given).first().map(String::as_str), Some(expected), "{given}: {:?}", meant(given));
        }
        assert_eq!(meant("port"), ["api_listen", "ops_listen", "smtp_port"]);
    }

    #[test]
    fn what_is_like_nothing_is_not_guessed_at() {
        for given in ["", "_", "canary", "verbose", "x", "quiet", "colour", "8000"] {
            assert_eq!(meant(given), [""; 0], "{given}");
        }
    }

    #[test]
    fn every_word_of_ours_is_meant_by_itself() {
        for setting in SETTINGS {
            assert_eq!(meant(setting.key).iter().filter(|name| *name == setting.key).count(), 1, "{}", setting.key);
        }
    }
}
