//! `neodyme webhook`: where events of users go, whether they arrive there, and an endpoint that is switched on again.

use std::time::Instant;

use anyhow::{Context, anyhow, bail};
use clap::{ArgMatches, Command, value_parser};
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use super::database::open;
use super::flags::{OF_THE_DATABASE, json as json_flag, option, with_settings};
use super::output::{print, to_json};
use super::runtime::block_on;
use super::table::align;
use crate::accounts::webhooks::{ABOUT, all_off, is_off, switch_on};
use crate::clock;
use crate::config::{Config, MOST_WEBHOOKS, WebhookEndpoint};
use crate::outbox::{Effect, Failure, Reason};
use crate::values::timestamp::{millis, rfc3339};
use crate::webhooks::{Event, Webhook};

/// The type of the event that is sent to see whether events arrive.
const TEST: &str = "webhook.test";
const HEAD: [&str; 5] = ["endpoint", "topic", "url", "state", "events"];

/// The subcommand and its own.
pub(super) fn command() -> Command {
    let endpoint = || {
        let number = value_parser!(u16).range(1..=MOST_WEBHOOKS as i64);
        option("endpoint", "NUMBER", "Which one: 1 for that of webhook_1_url").value_parser(number).required(true)
    };
    let about_test = "Send a test event to an endpoint, signed as the service would, and say how it went";
    let about_on = "Switch an endpoint on again that answered 410: it gets all that waited";
    Command::new("webhook")
        .about("Look at the endpoints of webhooks, try one, switch one on again")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands([
            with_settings(Command::new("list").about("List the endpoints"), OF_THE_DATABASE).arg(json_flag()),
            with_settings(Command::new("test").about(about_test), &["webhook_"]).arg(endpoint()),
            with_settings(Command::new("on").about(about_on), OF_THE_DATABASE).arg(endpoint()),
        ])
}

pub(super) fn run(config: &Config, task: &str, arguments: &ArgMatches) -> anyhow::Result<()> {
    let number = || usize::from(arguments.get_one::<u16>("endpoint").copied().unwrap_or_default());
    block_on(async {
        match task {
            "test" => test(config, number()).await,
            "on" => on(config, number()).await,
            _ => list(config, arguments.get_flag("json")).await,
        }
    })?
}

#[derive(Serialize)]
struct EndpointView {
    endpoint: usize,
    topic: &'static str,
    url: String,
    secrets: usize,
    events: Vec<&'static str>,
    /// Since when.
    switched_off_at: Option<String>,
}

async fn list(config: &Config, as_json: bool) -> anyhow::Result<()> {
    let off = all_off(&open(&config.database).await?).await?;
    let view = |place: WebhookEndpoint<'_>| {
        let (url, topic) = (place.url?, ABOUT.get(place.number - 1)?.name);
        let since = off.iter().find(|off| off.topic == topic.as_str()).map(|off| rfc3339(off.switched_off_at));
        Some(EndpointView {
            endpoint: place.number,
            topic: topic.as_str(),
            url: url.to_string(),
            secrets: place.secrets.len(),
            events: place.events.iter().map(|event| event.as_str()).collect(),
            switched_off_at: since.filter(|_| is_off(&off, topic, url)),
        })
    };
    let views: Vec<_> = config.webhook.places().into_iter().filter_map(view).collect();
    match views.as_slice() {
        views if as_json => print(to_json(views)?),
        [] => print("no endpoints: webhook_1_url names the first\n"),
        views => print(align(std::iter::once(HEAD.map(String::from)).chain(views.iter().map(row)))),
    }
}

fn row(view: &EndpointView) -> [String; 5] {
    let state = view.switched_off_at.as_ref().map_or_else(|| "on".to_owned(), |since| format!("off since {since}"));
    [view.endpoint.to_string(), view.topic.to_owned(), view.url.clone(), state, view.events.join(",")]
}

async fn on(config: &Config, number: usize) -> anyhow::Result<()> {
    let topic = ABOUT.get(number.wrapping_sub(1)).context("there is no such endpoint")?.name;
    match switch_on(&open(&config.database).await?, topic).await? {
        true => print(format_args!("{} is on again: what waited is sent within seconds\n", topic.as_str())),
        false => bail!("{} was not switched off", topic.as_str()),
    }
}

async fn test(config: &Config, number: usize) -> anyhow::Result<()> {
    let place = config.webhook.places().into_iter().find(|place| place.number == number);
    let place = place.context("there is no such endpoint")?;
    let webhook = Webhook::new(&config.webhook, &place).map_err(anyhow::Error::from_boxed)?;
    let webhook = webhook.ok_or_else(|| anyhow!("{} is not set", place.url_setting))?;
    let (id, start) = (Uuid::now_v7(), Instant::now());
    let event = Event { kind: TEST.to_owned(), timestamp: clock::now(), data: json!({}) };
    let outcome = webhook.send(id, &event).await;
    let signatures = match place.secrets.len() {
        1 => "one, with the secret".to_owned(),
        secrets => format!("{secrets}, one with each secret"),
    };
    let mut rows = vec![("to", webhook.url().to_string()), ("webhook-id", id.to_string()), ("signatures", signatures)];
    rows.extend(match &outcome {
        Ok(receipt) => {
            vec![("outcome", receipt.code.map_or_else(String::new, |code| format!("taken, with status {code}")))]
        }
        Err(failure) => failed(failure),
    });
    rows.push(("took", format!("{:.1} ms", millis(start.elapsed()))));
    print(align(rows.into_iter().map(|(name, value)| [name.to_owned(), value])))?;
    outcome.map(drop).map_err(|failure| anyhow!("the event was not taken: {}", failure.reason.as_str()))
}

fn failed(failure: &Failure) -> Vec<(&'static str, String)> {
    let next = match (failure.reason, failure.effect) {
        (Reason::Gone, _) => "would wait, with all that follow, until the endpoint is switched on again",
        (reason, _) if reason.needs_an_operator() => "would wait, with all that follow, until it is mended",
        (_, Effect::RetryJob) => "would be tried again for outbox_retry_for",
        _ => "would wait until the endpoint is back",
    };
    vec![
        ("outcome", failure.to_string()),
        ("because", failure.in_words()),
        ("an event", next.to_owned()),
        ("to do", advice(failure.reason).to_owned()),
    ]
}

/// What an operator can do about it; docs/WEBHOOKS.md says more.
fn advice(reason: Reason) -> &'static str {
    match reason {
        Reason::Connect => "check the URL, the firewall, and that the receiver runs",
        Reason::Dns => "check the URL, and that this machine's resolver knows its host",
        Reason::TlsExpired => "have the receiver renew its certificate, and check this machine's clock",
        Reason::Tls => "check the receiver's certificate, and SSL_CERT_FILE",
        Reason::Auth => "compare the secret on both sides, and this machine's clock with the receiver's",
        Reason::Timeout => "have the receiver answer first and work afterwards; or raise webhook_timeout",
        Reason::Refused4xx => "compare the secret on both sides, and read the receiver's log",
        Reason::Refused5xx => "read the receiver's log",
        Reason::NotTheService => "correct the URL; or name the network in webhook_private_networks",
        Reason::Gone => "ask the receiver's operator; then `neodyme webhook on --endpoint N`, or remove the endpoint",
        Reason::NoSmtputf8 | Reason::SenderRefused | Reason::Protocol | Reason::Payload | Reason::Io => {
            "check that an HTTP server listens there"
        }
    }
}
