//! `neodyme email`: an email on the screen, or in somebody's mailbox, and the templates of all of them.

use std::time::{Duration, Instant};

use anyhow::anyhow;
use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgMatches, Command};
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use super::flags::with_settings;
use super::output::print;
use super::runtime::block_on;
use super::table::align;
use super::templates;
use crate::accounts::codes;
use crate::accounts::registration::WelcomeEmail;
use crate::config::{Config, MailConfig, Problems, SmtpTls};
use crate::label;
use crate::language::Language;
use crate::mail::{self, Composer, Letter, Mail, MailCode, MailKind, Mailer};
use crate::outbox::{Age, Effect, Failure, HandedOver, Job, Payload, Reason, Receipt, Topic};
use crate::values::timestamp::millis;
use crate::values::{Email, FullName};

/// What the settings of mail begin with, as far as what is in the mail goes.
const OF_WHAT_IS_IN_IT: &[&str] = &["mail_", "product_", "support_address", "logo_url"];
const ABOUT_TEST: &str = "Send a welcome email to an address, as the service would, and say how it went";

/// The subcommand and its own.
pub(super) fn command() -> Command {
    let name = Arg::new("name").long("name").value_name("NAME").value_parser(parse_name).default_value("Ada Lovelace");
    let name = name.help("Name of the user");
    let address = || Arg::new("address").value_name("ADDRESS").value_parser(parse_address).help("Address of the user");
    let kinds = PossibleValuesParser::new(MailKind::ALL.iter().map(|kind| kind.as_str()));
    let kind = Arg::new("kind").value_name("KIND").value_parser(kinds).default_value(MailKind::Welcome.as_str());
    let format = Arg::new("format").long("format").value_name("FORMAT").default_value("text").help("What to show");
    Command::new("email")
        .about("Show the emails that users get, send one, or write their templates")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands([
            with_settings(Command::new("preview").about("Show an email as a user would get it"), OF_WHAT_IS_IN_IT)
                .arg(kind.help("Which one"))
                .arg(templates::language())
                .arg(format.value_parser(PossibleValuesParser::new(["text", "html", "eml"])))
                .arg(name.clone())
                .arg(address().long("address").default_value("ada@example.com")),
            with_settings(Command::new("test").about(ABOUT_TEST), &[&["smtp_"][..], OF_WHAT_IS_IN_IT].concat())
                .arg(name)
                .arg(address().required(true)),
            templates::command("Write the built-in templates of emails into a folder, to start from"),
        ])
}

fn parse_name(text: &str) -> Result<String, String> {
    FullName::parse(text).map(|name| name.expose().to_owned()).map_err(|fault| format!("it {}", fault.message))
}

fn parse_address(text: &str) -> Result<String, String> {
    Email::parse(text).map(|email| email.expose().to_owned()).map_err(|fault| format!("it {}", fault.message))
}

pub(super) fn run(
    config: impl FnOnce() -> Result<Config, Problems>,
    task: &str,
    matches: &ArgMatches,
) -> anyhow::Result<()> {
    match task {
        "templates" => templates::write(mail::built_in_files(), "mail_templates", matches),
        _ => show_or_send(&config()?, task, matches),
    }
}

fn show_or_send(config: &Config, task: &str, matches: &ArgMatches) -> anyhow::Result<()> {
    let text = |id| matches.get_one::<String>(id).cloned().unwrap_or_default();
    let (job, email, full_name) = (job(), text("address"), text("name"));
    let sample = |purpose| MailCode { text: codes::SAMPLE, lifetime: codes::lifetime(&config.codes, purpose) };
    let code = |kind: MailKind| kind.purpose().map(sample);
    let language = || matches.try_get_one::<Language>("language").ok().flatten();
    let mail = |kind| {
        let (language, code) = (language(), code(kind));
        Mail { job: &job, kind, email: &email, full_name: &full_name, language, code }
    };
    match task {
        "preview" => {
            let kind = label::parse(&text("kind")).unwrap_or(MailKind::Welcome);
            let composer = Composer::new(&config.mail)?;
            // A user would get the email in another language; whoever asks for one here wants to see that.
            language().map(|language| templates::spoken(language, composer.languages())).transpose()?;
            preview(&composer.compose(&mail(kind))?, &text("format"))
        }
        _ => block_on(test(config, &mail(MailKind::Welcome)))?,
    }
}

/// The job that a registration would put into the outbox.
fn job() -> Job {
    Job {
        id: Uuid::now_v7(),
        topic: WelcomeEmail::ABOUT.name,
        payload: Payload::new(Value::Null),
        user_id: None,
        request_id: Uuid::new_v4().to_string(),
        traceparent: String::new(),
        attempt: 1,
        created_at: OffsetDateTime::now_utc(),
        age: Age::default(),
        lease_token: Uuid::new_v4(),
        failing_since: None,
        handed_over: HandedOver::default(),
    }
}

fn preview(letter: &Letter, format: &str) -> anyhow::Result<()> {
    match format {
        "eml" => print(&letter.message),
        "html" => print(format_args!("{}\n", letter.html)),
        _ => print(format_args!("Subject: {}\n\n{}\n", letter.subject, letter.text)),
    }
}

async fn test(config: &Config, mail: &Mail<'_>) -> anyhow::Result<()> {
    let mailer = Mailer::new(&config.mail)?;
    let start = Instant::now();
    let outcome = mailer.send(mail).await;
    let took = start.elapsed();
    mailer.end().await;
    let mut rows = vec![("to", mailer.describe()), ("tls", tls(&config.mail)), ("job", mail.job.id.to_string())];
    rows.extend(match &outcome {
        Ok(receipt) => taken(receipt),
        Err(failure) => failed(failure, config.outbox.retry_for),
    });
    rows.push(("took", format!("{:.1} ms", millis(took))));
    print(align(rows.into_iter().map(|(name, value)| [name.to_owned(), value])))?;
    let may_have_been_sent = mail.job.handed_over.since().is_some();
    outcome.map(drop).map_err(|failure| match may_have_been_sent {
        true => anyhow!("the email may have been sent: {}, after the server had all of it", failure.reason.as_str()),
        false => anyhow!("the email was not sent: {}", failure.reason.as_str()),
    })
}

fn tls(config: &MailConfig) -> String {
    match (&config.smtp_host, config.smtp_tls, &config.smtp_ca_file) {
        (None, ..) => "none: it is a file".into(),
        (Some(_), SmtpTls::None, _) => "none: plain text".into(),
        (Some(_), _, None) => "required, and verified with the system's authorities".into(),
        (Some(_), _, Some(file)) => format!("required, and verified with {}", file.display()),
    }
}

fn taken(receipt: &Receipt) -> Vec<(&'static str, String)> {
    vec![("outcome", receipt.code.map_or("written".into(), |code| format!("taken, with reply {code}")))]
}

fn failed(failure: &Failure, retry_for: Duration) -> Vec<(&'static str, String)> {
    let retry_for = humantime::format_duration(retry_for);
    let next =
        if failure.effect == Effect::GiveUp { "dead at once".into() } else { format!("tried again for {retry_for}") };
    vec![
        ("outcome", failure.to_string()),
        ("because", failure.cause.to_string()),
        ("a job", format!("would be {next}")),
        ("to do", failure.remedy.unwrap_or_else(|| advice(failure.reason)).into()),
    ]
}

/// What an operator can do about it; docs/MAIL.md says more.
fn advice(reason: Reason) -> &'static str {
    match reason {
        Reason::Connect => "check smtp_host, smtp_port, the firewall, and that the server runs",
        Reason::Dns => "check smtp_host, and that this machine's resolver knows it",
        Reason::TlsExpired => "renew the server's certificate, and check this machine's clock",
        Reason::Tls => "check smtp_tls against the port, the server's certificate, and smtp_ca_file",
        Reason::Auth => "check smtp_username and smtp_password, and that the server offers PLAIN or LOGIN",
        Reason::Timeout => {
            "check the server's load and that smtp_port speaks what smtp_tls says; or raise smtp_timeout or smtp_data_timeout"
        }
        Reason::Refused4xx => "wait: the server takes no mail, or none for this address, for now",
        Reason::Refused5xx => "read what the server said",
        Reason::NoSmtputf8 => "use a mail server that offers SMTPUTF8",
        Reason::SenderRefused => "correct mail_from or smtp_helo_name, or ask the server's operator (a block list?)",
        Reason::NotTheService | Reason::Gone | Reason::Protocol => {
            "check that a mail server listens there, and its log"
        }
        Reason::Payload => "check the address and the name, and the templates",
        Reason::Io => "check mail_directory: space, owner and rights",
    }
}
