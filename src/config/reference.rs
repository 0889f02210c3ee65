//! `docs/CONFIGURATION.md`, written from the table of settings.

use std::fmt::Write;

use super::SETTINGS;
use super::setting::Setting;

const INTRODUCTION: &str = "\
# Configuration

<!-- Written by `neodyme check --markdown`: to change it, edit src/config/settings.rs and run that command. -->

neodyme runs without any configuration. Each setting can be given in four places; the first that has it wins:

1. a flag, `--log-level debug`
2. an environment variable, `NEODYME_LOG_LEVEL=debug`
3. a TOML file, named by `--config FILE` or `NEODYME_CONFIG`: `log_level = \"debug\"`, or `level = \"debug\"` under `[log]`
4. the default

A secret is refused as a flag, since every user of a machine can read command lines. Give it in the variable, in the file,
or in a file of its own that a variable with `_FILE` at the end names, as `NEODYME_DATABASE_URL_FILE=/run/secrets/database`.
Line breaks at the end of such a file do not count; a secret with any other line break or control character is refused.

`neodyme check` shows what is in force and where each value comes from, and tries the database. An unknown setting (a variable
with a slip in `NEODYME_` itself is one), a bad value or an unreadable file ends the process with code 2 before anything
listens; all problems are named at once. Every message: [COMMANDS.md](COMMANDS.md).
";

const PRODUCTION: &str = "
## What `environment = production` refuses

- argon2 parameters below OWASP's least (KiB/iterations 19456/2, 12288/3, 9216/4, 7168/5 or 47104/1)
- `log_full_emails`
- `sslmode=disable` in the URL of a PostgreSQL server on another machine
- `ops_listen` on an address other than loopback without an `ops_token`
- `trusted_proxies` with `0.0.0.0/0` or `::/0`: every client could choose the address it is logged with
- `smtp_tls = none` to a mail server on another machine
- `mail_from` at `localhost` with a mail server
";

/// The reference of all settings.
pub fn markdown() -> String {
    let mut text = INTRODUCTION.to_owned();
    let mut group = "";
    for setting in SETTINGS {
        if setting.group != group {
            group = setting.group;
            // Writing to a String cannot fail.
            let _ = write!(text, "\n## {group}\n\n| Setting | Variable | Default | Meaning |\n|---|---|---|---|\n");
        }
        let _ = writeln!(text, "{}", row(setting));
    }
    text + PRODUCTION
}

fn row(setting: &Setting) -> String {
    let flag = if setting.has_no_flag() { "no flag".into() } else { format!("`--{}`", setting.flag()) };
    let file = setting.file_variable().map(|name| format!("<br>`{name}`")).unwrap_or_default();
    let default = if setting.default.is_empty() { "none".into() } else { format!("`{}`", setting.default) };
    let meaning = setting.meaning().trim_end_matches('.');
    format!(
        "| `{}`<br>{flag} | `{}`{file} | {default} | {meaning}. Accepted: {} |",
        setting.key,
        setting.variable(),
        setting.accepted().replace('|', "\\|")
    )
}
