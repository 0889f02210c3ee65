//! A slip is answered with what was meant, wherever it stands.

use crate::Neodyme;

#[test]
fn a_flag_that_is_none_leads_to_those_that_are_meant() {
    for (given, meant) in [
        ("--api-port", "a similar argument exists: '--api-listen'"),
        ("--port", "some similar arguments exist: '--api-listen', '--ops-listen', '--smtp-port'"),
        ("--log", "some similar arguments exist: '--logo-url', '--log-level', '--log-format'"),
        ("--log_level", "a similar argument exists: '--log-level'"),
        ("-log-level", "a similar argument exists: '--log-level'"),
        ("--databse-url", "a similar argument exists: '--database-url'"),
        ("--db", "a similar argument exists: '--database-url'"),
        ("--smtp-pass", "a similar argument exists: '--smtp-password'"),
        ("--configuration", "a similar argument exists: '--config'"),
        ("neodyme.toml", "a similar argument exists: '--config'"),
    ] {
        for command in [&[][..], &["serve"], &["check"]] {
            if command.is_empty() && !given.starts_with('-') {
                continue;
            }
            let answer = Neodyme::new().run(&[command, &[given, "7"]].concat());
            answer.assert_refused(&["error: unexpected argument '-", meant][usize::from(!given.starts_with('-'))..]);
            assert!(!answer.err.contains("Usage:"), "it shows clap's own guess: {}", answer.err);
        }
    }
    Neodyme::new().run(&["outbox", "show", "--job", "7"]).assert_refused(&["a similar argument exists: '--id'"]);
}

#[test]
fn what_is_like_nothing_gets_no_guess() {
    for arguments in [&["serve", "--verbose"][..], &["serve", "-v"], &["serve", "8000"], &["frobnicate"]] {
        let answer = Neodyme::new().run(arguments);
        answer.assert_refused(&["error: "]);
        assert!(!answer.err.contains("tip:"), "{}", answer.err);
    }
}

#[test]
fn a_negative_number_is_a_wrong_value_and_no_flag() {
    let answer = Neodyme::new().run(&["check", "--password-hash-workers", "-1"]);
    answer.assert_refused(&["password_hash_workers: \"-1\" is not a whole number; accepted: a whole number from 0"]);
}

#[test]
fn a_command_that_is_none_leads_to_the_one_that_is_meant() {
    for (given, meant) in [
        ("chek", "a similar subcommand exists: 'check'"),
        ("start", "a similar subcommand exists: 'serve'"),
        ("run", "some similar subcommands exist: 'serve', 'runbook'"),
        ("migrations", "a similar subcommand exists: 'migrate'"),
        ("demo", "a similar subcommand exists: 'demo-traffic'"),
        ("version", "a similar argument exists: '--version'"),
    ] {
        Neodyme::new().run(&[given]).assert_refused(&["error: unrecognized subcommand", meant]);
    }
    Neodyme::new().run(&["outbox", "ls"]).assert_refused(&["a similar subcommand exists: 'list'"]);
}

#[test]
fn a_variable_that_is_none_leads_to_the_one_that_is_meant() {
    for (given, meant) in [
        ("NEODYME_API_PORT", "NEODYME_API_LISTEN"),
        ("NEODYME_PORT", "NEODYME_API_LISTEN, NEODYME_OPS_LISTEN or NEODYME_SMTP_PORT"),
        ("NEODYME_DB_URL", "NEODYME_DATABASE_URL"),
        ("NEODYME_OPS_TOKEN_FIEL", "NEODYME_OPS_TOKEN or NEODYME_OPS_TOKEN_FILE"),
        ("NEODYME_CONFIG_FILE", "NEODYME_CONFIG"),
        ("NEODYM_LOG_LEVEL", "NEODYME_LOG_LEVEL"),
        ("NEODYNE_LOG_LEVEL", "NEODYME_LOG_LEVEL"),
        ("neodyme_log_level", "NEODYME_LOG_LEVEL"),
    ] {
        let answer = Neodyme::new().variable(given, "canary").run(&["check"]);
        answer.assert_refused(&[&format!("  {given}: there is no setting of this name; did you mean {meant}?")]);
    }
}

#[test]
fn a_key_that_is_none_leads_to_the_one_that_is_meant() {
    for (given, meant) in [
        ("api_port = 80", "api_port; did you mean api_listen?"),
        ("[server]\nport = 80", "server_port; did you mean api_listen?"),
        ("[logging]\nlevel = 'canary'", "logging_level; did you mean log_level?"),
        ("LOG_LEVEL = 'canary'", "LOG_LEVEL; did you mean log_level?"),
        ("[neodyme]\nlog_level = 'canary'", "neodyme_log_level; did you mean log_level?"),
        ("[smtp]\nfrom = 'canary'", "smtp_from; did you mean mail_from?"),
    ] {
        let answer = Neodyme::new().file("n.toml", given).run(&["check", "--config", "n.toml"]);
        answer.assert_refused(&[&format!("there is no setting {meant}")]);
    }
}
