//! The help of a command shows what concerns it, and where the rest is.

use neodyme::config::SETTINGS;

use crate::Neodyme;

/// Every command, and the settings in its help by how they begin.
const COMMANDS: [(&[&str], &[&str]); 20] = [
    (&[], &[]),
    (&["serve"], &[""]),
    (&["migrate"], &["database_"]),
    (&["check"], &[]),
    (&["metrics"], &[]),
    (&["errors"], &[]),
    (&["runbook"], &[]),
    (&["log"], &[]),
    (&["email", "preview"], &["mail_", "product_name", "product_url", "support_address", "logo_url"]),
    (&["email", "templates"], &[]),
    (
        &["page", "preview"],
        &[
            "pages_templates",
            "mail_from",
            "mail_default_language",
            "product_name",
            "product_url",
            "support_address",
            "logo_url",
            "password_min_characters",
        ],
    ),
    (&["page", "templates"], &[]),
    (&["email", "test"], &["mail_", "smtp_", "product_name", "product_url", "support_address", "logo_url"]),
    (&["user", "create"], &["database_", "password_"]),
    (&["user", "list"], &["database_"]),
    (&["user", "grant"], &["database_"]),
    (&["outbox", "list"], &["database_"]),
    (&["audit", "list"], &["database_"]),
    (&["health"], &["api_listen"]),
    (&["demo-traffic"], &[]),
];

fn help(command: &[&str], flag: &str) -> String {
    let answer = Neodyme::new().variable("COLUMNS", "80").run(&[command, &[flag]].concat());
    assert_eq!((answer.code, answer.err.as_str()), (0, ""));
    answer.out
}

/// The settings whose flags it lists.
fn settings(help: &str) -> Vec<&str> {
    let flags = help.lines().filter_map(|line| line.trim_start().strip_prefix("--")?.split(' ').next());
    let setting = |flag: &str| SETTINGS.iter().find(|setting| setting.flag() == flag).map(|setting| setting.key);
    flags.filter_map(setting).collect()
}

#[test]
fn each_setting_is_shown_with_its_default_and_variable() {
    for flag in ["--help", "-h"] {
        let help = help(&["serve"], flag);
        let expected: Vec<_> = SETTINGS.iter().filter(|setting| !setting.has_no_flag()).map(|s| s.key).collect();
        assert_eq!(settings(&help), expected, "{flag}");
        for text in ["--log-level <", "[default: info] [env: NEODYME_LOG_LEVEL]\n", "--config <FILE>"] {
            assert!(help.contains(text), "{text} is missing with {flag}");
        }
    }
}

#[test]
fn a_command_shows_the_settings_that_concern_it_and_where_the_others_are() {
    for (command, concern) in COMMANDS {
        for flag in ["--help", "-h"] {
            let help = help(command, flag);
            let shown = settings(&help);
            assert!(
                shown.iter().all(|key| concern.iter().any(|begin| key.starts_with(begin))),
                "{command:?}: {shown:?}"
            );
            for begin in concern {
                assert!(shown.iter().any(|key| key.starts_with(begin)), "{begin} is missing in {command:?}");
            }
            let takes_others = help.contains("--config <FILE>") && command != ["serve"];
            assert_eq!(help.contains("`neodyme serve --help` lists them all"), takes_others, "{command:?}");
        }
    }
}

#[test]
fn the_help_fits_a_terminal_of_80_columns() {
    for (command, _) in COMMANDS {
        for flag in ["--help", "-h"] {
            let help = help(command, flag);
            // A variable's name cannot be broken.
            let is_wide = |line: &&str| line.chars().count() > 80 && !line.contains("[env: NEODYME_");
            let wide: Vec<_> = help.lines().filter(is_wide).collect();
            assert!(wide.is_empty(), "{command:?}: {wide:#?}");
        }
    }
}

#[test]
fn a_group_without_a_command_shows_its_commands() {
    for (group, command) in
        [("user", "grant"), ("outbox", "discard"), ("audit", "list"), ("email", "preview"), ("page", "templates")]
    {
        let answer = Neodyme::new().run(&[group]);
        assert!(answer.code == 2 && answer.err.contains(&format!("\n  {command} ")), "{}", answer.err);
    }
}
