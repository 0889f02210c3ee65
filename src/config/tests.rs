use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;

use super::{Config, DatabaseUrl, Environment, LogFormat, MOST_WEBHOOKS, SETTINGS, Source, Sources};

fn with_variables(variables: &[(&str, &str)]) -> Result<Config, String> {
    let environment = variables.iter().map(|(name, value)| (name.into(), value.into())).collect();
    Config::load(&Sources { environment, ..Sources::default() }).map_err(|problems| problems.to_string())
}

fn with_toml(toml: &str) -> Result<Config, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("neodyme.toml");
    std::fs::write(&path, toml).unwrap();
    Config::load(&Sources { config_file: Some(path), ..Sources::default() }).map_err(|problems| problems.to_string())
}

#[test]
fn the_defaults_are_a_configuration() {
    let config = with_variables(&[]).unwrap();
    assert_eq!(config.environment, Environment::Development);
    assert_eq!(config.api_listen.to_string(), "127.0.0.1:8000");
    assert_eq!(config.database.url, DatabaseUrl::Sqlite { path: "data/neodyme.db".into() });
    assert_eq!(config.http.idle_timeout, Duration::from_secs(75));
    assert_eq!((config.password.memory_kib, config.password.iterations), (19_456, 2));
    assert_eq!((config.log.level, config.log.format), (slog::Level::Info, LogFormat::Auto));
    assert!(config.error_user_hash_key.is_none() && config.http.trusted_proxies.is_empty());
}

#[test]
fn the_defaults_are_safe_in_production() {
    assert!(with_variables(&[("NEODYME_ENVIRONMENT", "production")]).is_ok());
}

#[test]
fn every_setting_has_its_own_name_its_meaning_and_an_effective_value() {
    let config = with_variables(&[]).unwrap();
    let shown: Vec<_> = config.effective().iter().map(|effective| effective.key).collect();
    let known: Vec<_> = SETTINGS.iter().map(|setting| setting.key).collect();
    assert_eq!(shown.iter().collect::<BTreeSet<_>>().len(), SETTINGS.len());
    assert_eq!(shown.iter().collect::<BTreeSet<_>>(), known.iter().collect());
    for setting in SETTINGS {
        assert!(setting.meaning().ends_with('.') && !setting.summary().contains(". "), "{}", setting.key);
        assert!(
            setting.key.chars().all(|c| c.is_ascii_lowercase() || c == '_' || c.is_ascii_digit()),
            "{}",
            setting.key
        );
    }
}

#[test]
fn an_effective_value_is_shown_as_its_default_is_written() {
    for (effective, source) in with_variables(&[]).unwrap().effective().iter().map(|e| (e, &e.source)) {
        let setting = SETTINGS.iter().find(|setting| setting.key == effective.key).unwrap();
        assert_eq!((effective.value.as_str(), source), (setting.default, &Source::Default));
    }
}

#[test]
fn toml_keys_are_flat_or_in_tables_and_of_any_scalar_type() {
    let config = with_toml(
        "trusted_proxies = ['10.1.2.3/8', '::1']\nhttp_body_timeout = '2s'\n[http]\nmax_connections = 1_6\n\
         [password]\nargon2.memory_kib = 0x1000\n[log]\nfull_emails = true\nlevel = 'debug'",
    )
    .unwrap();
    assert_eq!(config.http.max_connections, 16);
    assert_eq!(config.http.body_timeout, Duration::from_secs(2));
    assert_eq!(config.password.memory_kib, 4096);
    assert!(config.log.full_emails);
    assert_eq!(config.source("log_level").to_string().rsplit(':').next(), Some("9"));
    let networks: Vec<_> = config.http.trusted_proxies.iter().map(ToString::to_string).collect();
    assert_eq!(networks, ["10.0.0.0/8", "::1/128"]);
}

#[test]
fn what_is_switched_is_true_or_false_and_on_or_off() {
    for (text, is_on) in [("true", true), ("on", true), ("false", false), ("off", false)] {
        let config = with_variables(&[("NEODYME_HOSTED_PAGES", text), ("NEODYME_LOG_FULL_EMAILS", text)]).unwrap();
        assert_eq!((config.hosted_pages, config.log.full_emails), (is_on, is_on), "{text}");
        assert_eq!(with_toml(&format!("hosted_pages = '{text}'")).unwrap().hosted_pages, is_on, "{text}");
    }
    for text in ["ON", "yes", "1", ""] {
        let refused = with_variables(&[("NEODYME_HOSTED_PAGES", text)]).unwrap_err();
        assert!(refused.contains("on nor off"), "{refused}");
    }
}

#[test]
fn hosts_are_names_without_ports() {
    let config = with_toml("ops_allowed_hosts = ['Metrics.example.com.', '*.svc.cluster.local']").unwrap();
    let names: Vec<_> = config.ops_allowed_hosts.iter().map(ToString::to_string).collect();
    assert_eq!(names, ["metrics.example.com", "*.svc.cluster.local"]);
    for wrong in ["metrics.example.com:9000", "http://metrics.example.com", "a,*", "[::1]"] {
        let text = with_variables(&[("NEODYME_OPS_ALLOWED_HOSTS", wrong)]).unwrap_err();
        assert!(text.contains("is not a list of host names; accepted: host names without a port"), "{text}");
    }
}

#[test]
fn a_file_that_is_wrong_names_every_fault_and_its_line() {
    let text = with_toml("log_levle = 'info'\n[api]\nlisten = ['127.0.0.1:1']\n[log]\nlevel = 7\nqueue_capacity = 0")
        .unwrap_err();
    for expected in [
        "neodyme.toml:1: there is no setting log_levle; did you mean log_level?",
        "neodyme.toml:3: api_listen is a TOML array; accepted: an IP address and a port",
        "neodyme.toml:5: log_level: \"7\" is none of the known names; accepted: trace, debug, info",
        "neodyme.toml:6: log_queue_capacity: \"0\" is out of range; accepted: a whole number from 1 to 1048576",
    ] {
        assert!(text.contains(expected), "{expected} is missing in {text}");
    }
    let text = with_toml("http_max_connections = 1\n[http]\nmax_connections = 2").unwrap_err();
    assert!(text.contains("neodyme.toml:3: http_max_connections is set in") && text.contains("toml:1 too"), "{text}");
    for broken in ["\"postgres://u:canary@h", "postgres://u:canary@h", "canary"] {
        let text = with_toml(&format!("\ndatabase_url = {broken}\n[log]\nlevel = 'info'")).unwrap_err();
        assert!(text.contains("neodyme.toml:2: not TOML") && !text.contains("canary"), "{text}");
        let needs_quotes = text.contains("; a text needs quotes: database_url = \"…\"");
        assert_eq!(needs_quotes, !broken.starts_with('"'), "{text}");
    }
}

#[test]
fn variables_of_the_build_and_of_orchestrators_are_not_ours() {
    let foreign = [
        ("NEODYME_REVISION", "abc"),
        ("NEODYME_SERVICE_HOST", "10.0.0.1"),
        ("NEODYME_API_SERVICE_PORT_HTTP", "80"),
        ("NEODYME_PORT", "tcp://10.0.0.1:80"),
        ("NEODYME_PORT_8000_TCP_ADDR", "10.0.0.1"),
    ];
    assert!(with_variables(&foreign).is_ok());
    assert!(with_variables(&[("NEODYME_PORT", "80")]).unwrap_err().contains("NEODYME_PORT: there is no setting"));
}

#[test]
fn values_that_contradict_each_other_are_refused() {
    let lanes = [("NEODYME_PASSWORD_ARGON2_MEMORY_KIB", "31"), ("NEODYME_PASSWORD_ARGON2_PARALLELISM", "4")];
    assert!(with_variables(&lanes).unwrap_err().contains("accepted: at least 32"));
    let text = with_variables(&[("NEODYME_OPS_LISTEN", "127.0.0.1:8000")]).unwrap_err();
    assert!(text.contains("ops_listen") && text.contains("api_listen too"), "{text}");
    let free = [("NEODYME_OPS_LISTEN", "127.0.0.1:0"), ("NEODYME_API_LISTEN", "127.0.0.1:0")];
    assert!(with_variables(&free).is_ok());
}

#[test]
fn a_user_name_at_the_mail_server_needs_a_password_and_the_other_way_round() {
    let text = with_variables(&[("NEODYME_SMTP_USERNAME", "neodyme")]).unwrap_err();
    assert!(text.contains("smtp_password: it is missing, while smtp_username is set"), "{text}");
    let text = with_variables(&[("NEODYME_SMTP_PASSWORD", "canary")]).unwrap_err();
    assert!(text.contains("smtp_username: it is missing") && !text.contains("canary"), "{text}");
}

#[test]
fn hosts_of_mail_are_checked_with_all_other_values() {
    let wrong =
        [("NEODYME_SMTP_HOST", "mail.example.com:587"), ("NEODYME_SMTP_HELO_NAME", "a b"), ("NEODYME_LOG_LEVEL", "x")];
    let text = with_variables(&wrong).unwrap_err();
    let accepted = "accepted: the name of a host, or its IP address, without a port";
    for (key, value) in [("smtp_host", "mail.example.com:587"), ("smtp_helo_name", "a b")] {
        let expected = format!("{key}: \"{value}\" is neither the name nor the address of a host; {accepted}");
        assert!(text.contains(&expected), "{expected} is missing in {text}");
    }
    assert!(text.starts_with("the configuration has 3 problems"), "{text}");
}

/// The value of each secret setting, from a file that holds this.
fn secrets_from_files(text: &str) -> Result<Config, String> {
    let folder = tempfile::tempdir().unwrap();
    let files = SETTINGS.iter().filter_map(|setting| {
        let start = match setting.key {
            "database_url" => "postgres://u@h/d?password=",
            key if key.starts_with("webhook_") => "whsec_",
            _ => "",
        };
        let path = folder.path().join(setting.key);
        std::fs::write(&path, format!("{start}{text}")).unwrap();
        Some((setting.file_variable()?.into(), path.into()))
    });
    let others = (1..=MOST_WEBHOOKS).map(|number| format!("NEODYME_WEBHOOK_{number}_URL").into());
    let others = others.map(|name| (name, "https://h".into()));
    let environment = files.chain(others).chain([("NEODYME_SMTP_USERNAME".into(), "user".into())]).collect();
    Config::load(&Sources { environment, ..Sources::default() }).map_err(|problems| problems.to_string())
}

#[test]
fn line_breaks_at_the_end_of_a_secret_file_do_not_count_whichever_secret_it_is() {
    const CANARY: &str = "canarycanarycanarycanarycanarycanary";
    let count = SETTINGS.iter().filter(|setting| setting.secret).count();
    for end in ["", "\n", "\r\n", "\n\n", "\n\r\n\n"] {
        let config = secrets_from_files(&format!("{CANARY}{end}")).unwrap();
        let secrets = config.secrets().iter().map(super::Secret::expose);
        let secrets: Vec<_> = secrets.filter(|secret| !secret.starts_with("whsec_")).collect();
        assert_eq!(secrets, vec![CANARY; count], "{end:?}");
    }
    let text = secrets_from_files("canary-canary\ncanary-canary").unwrap_err();
    for setting in SETTINGS.iter().filter(|setting| setting.secret) {
        let expected = format!("{}: the value has a line break or another control character", setting.key);
        assert!(text.contains(&expected) && !text.contains("canary"), "{expected} is missing in {text}");
    }
    assert!(with_variables(&[("NEODYME_OPS_TOKEN", "canary-canary-canary\n")]).is_err());
}

#[test]
fn production_sends_mail_encrypted_and_from_somewhere() {
    let refused = |host: &str, tls: &str, from: &str| {
        let variables = [
            ("NEODYME_ENVIRONMENT", "production"),
            ("NEODYME_SMTP_HOST", host),
            ("NEODYME_SMTP_TLS", tls),
            ("NEODYME_MAIL_FROM", from),
        ];
        with_variables(&variables).err().unwrap_or_default()
    };
    for host in ["localhost", "127.0.0.1", "::1", "LOCALHOST"] {
        assert_eq!(refused(host, "none", "a@example.com"), "", "{host}");
    }
    assert_eq!(refused("mail.example.com", "starttls", "a@example.com"), "");
    assert!(refused("mail.example.com", "none", "a@example.com").contains("smtp_tls: refused in production: none"));
    assert!(refused("mail.localhost", "none", "a@example.com").contains("smtp_tls: refused"));
    assert!(refused("127.0.0.1.example.com", "none", "a@example.com").contains("smtp_tls: refused"));
    assert!(refused("mail.example.com", "tls", "a@localhost").contains("mail_from: refused in production: nobody"));
}

#[test]
fn a_value_never_breaks_the_line_and_an_address_in_the_wrong_setting_is_not_repeated() {
    let text =
        with_variables(&[("NEODYME_LOG_LEVEL", "a\nb"), ("NEODYME_API_LISTEN", "postgres://u:canary@h")]).unwrap_err();
    assert_eq!(text.lines().count(), 3, "{text}");
    assert!(!text.contains("canary"), "{text}");
}

proptest! {
    #[test]
    fn no_text_in_any_setting_panics(texts in prop::collection::vec(texts(), SETTINGS.len())) {
        let named = |(setting, text): (&super::Setting, String)| (setting.variable().into(), text.into());
        let environment = SETTINGS.iter().zip(texts).map(named).collect();
        let sources = Sources { environment, ..Sources::default() };
        let _ = Config::load(&sources).map_err(|problems| problems.to_string());
    }

    #[test]
    fn no_file_panics(toml in "[a-z_=\\[\\].\"'\n 0-9]{0,60}") {
        let _ = with_toml(&toml);
    }
}

/// Anything, and things that are nearly right.
fn texts() -> impl Strategy<Value = String> {
    let urls = "(postgres|sqlite)://[a-z:@/?#&=%\\[\\]+0-9]{0,30}";
    let numbers = "-?[0-9]{0,25}(ms|s|y)?";
    prop_oneof![any::<String>(), urls.prop_map(String::from), numbers.prop_map(String::from)]
}
