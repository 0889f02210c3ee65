//! Who is notified: PagerDuty's Events API v2, a Slack webhook and a dead man's switch over HTTP, and a mailbox.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::common::alertmanager::{Endpoints, ROUTING_KEY, SLACK_PATH, WATCHDOG_TOKEN};
use crate::common::smtp::{Behaviour, SmtpSink};

/// Who got a notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Receiver {
    PagerDuty,
    Slack,
    Watchdog,
}

/// One notification.
#[derive(Clone, Debug)]
pub struct Notice {
    pub at: Instant,
    pub receiver: Receiver,
    /// PagerDuty's `dedup_key`: what makes several events one incident.
    pub incident: String,
    /// The alerts in it, as a person reads them, and whether they fire.
    pub alerts: Vec<(String, bool)>,
    pub payload: Value,
}

impl Notice {
    /// The number of users that it says to be hit by errors of this type.
    pub fn users(&self, error_type: &str) -> Option<usize> {
        let details = &self.payload["payload"]["custom_details"];
        let field = |name: &str| details[name].as_str().unwrap_or_default().to_owned();
        let text = self.payload["attachments"][0]["text"].as_str().unwrap_or_default().replace("*Affected:* ", "");
        let lines = format!("{}\n{text}", field("affected"));
        let is_about = format!("{}{text}", field("samples")).contains(&format!("type={error_type}"));
        let said = lines.lines().find_map(|line| line.split_once(" users since ")?.0.parse().ok());
        said.filter(|_| is_about)
    }

    /// What a person who is woken by it would look for in vain.
    pub fn lacks(&self) -> Vec<&'static str> {
        let details = &self.payload["payload"]["custom_details"];
        let text = self.payload["attachments"][0]["text"].as_str().unwrap_or_default();
        let is_there = |part: &&str| match self.receiver {
            Receiver::PagerDuty => details[*part].as_str().is_some_and(|value| !value.trim().is_empty()),
            Receiver::Slack => match *part {
                "what" => text.lines().nth(1).is_some_and(|line| line.len() > 10),
                "affected" => text.contains("*Affected:* "),
                "since" => text.contains("*Since:* 20"),
                "runbook" => text.contains(".md|Runbook>"),
                _ => text.contains("|Dashboard>"),
            },
            Receiver::Watchdog => true,
        };
        ["what", "affected", "since", "runbook", "dashboard"].into_iter().filter(|part| !is_there(part)).collect()
    }
}

/// All of them.
pub struct Receivers {
    address: SocketAddr,
    notices: Arc<Mutex<Vec<Notice>>>,
    mailbox: SmtpSink,
    running: JoinHandle<()>,
}

impl Receivers {
    pub async fn start() -> Receivers {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let notices = Arc::<Mutex<Vec<Notice>>>::default();
        let running = tokio::spawn(accept(listener, notices.clone()));
        Receivers { address, notices, mailbox: SmtpSink::start(Behaviour::Normal).await, running }
    }

    pub fn endpoints(&self) -> Endpoints {
        Endpoints { http: self.address, smtp_port: self.mailbox.port() }
    }

    /// What came so far.
    pub fn notices(&self) -> Vec<Notice> {
        self.notices.lock().unwrap().clone()
    }

    /// The mails so far, as text and as HTML.
    pub fn digests(&self) -> Vec<[String; 2]> {
        self.mailbox.received().iter().map(|mail| mail.parts()).collect()
    }
}

impl Drop for Receivers {
    fn drop(&mut self) {
        self.running.abort();
    }
}

async fn accept(listener: TcpListener, notices: Arc<Mutex<Vec<Notice>>>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let notices = notices.clone();
        let service = service_fn(move |request| answer(request, notices.clone()));
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

/// Answers as the real ones do: whoever breaks their rules is refused, and the drill then misses a notification.
async fn answer(
    request: Request<Incoming>,
    notices: Arc<Mutex<Vec<Notice>>>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let payload: Value = serde_json::from_slice(&body).unwrap_or_default();
    let token = head.headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (status, text, receiver) = match head.uri.path() {
        "/v2/enqueue" => match fault_of_event(&payload) {
            None => {
                (202, json!({"status": "success", "message": "Event processed"}).to_string(), Some(Receiver::PagerDuty))
            }
            Some(fault) => (400, json!({"status": "invalid event", "errors": [fault]}).to_string(), None),
        },
        SLACK_PATH if payload["attachments"].is_array() => (200, "ok".to_owned(), Some(Receiver::Slack)),
        SLACK_PATH => (400, "no_text".to_owned(), None),
        "/neodyme" if token == format!("Bearer {WATCHDOG_TOKEN}") => (200, String::new(), Some(Receiver::Watchdog)),
        _ => (404, String::new(), None),
    };
    match receiver {
        Some(receiver) => notices.lock().unwrap().push(notice(receiver, payload)),
        None => eprintln!("{} is refused with {status} {text}: {payload}", head.uri),
    }
    Ok(Response::builder().status(status).body(Full::from(text)).unwrap())
}

/// <https://developer.pagerduty.com/docs/send-alert-event>: what makes PagerDuty refuse an event.
fn fault_of_event(event: &Value) -> Option<&'static str> {
    let text = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty());
    let payload = &event["payload"];
    let is_trigger = event["event_action"] == "trigger";
    let severities = ["critical", "error", "warning", "info"];
    match () {
        () if event["routing_key"] != ROUTING_KEY => Some("'routing_key' is invalid"),
        () if !is_trigger && event["event_action"] != "resolve" => Some("'event_action' is invalid"),
        () if !text(&event["dedup_key"]) => Some("'dedup_key' is missing"),
        () if !is_trigger => None,
        () if !text(&payload["summary"]) || payload["summary"].to_string().len() > 1026 => Some("'summary' is invalid"),
        () if !text(&payload["source"]) => Some("'source' is missing or blank"),
        () if !severities.iter().any(|known| payload["severity"] == *known) => Some("'severity' is invalid"),
        () => None,
    }
}

fn notice(receiver: Receiver, payload: Value) -> Notice {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (incident, alerts) = match receiver {
        Receiver::PagerDuty => (text(&payload["dedup_key"]), alerts_of_event(&payload)),
        Receiver::Slack => {
            let texts = payload["attachments"].as_array().unwrap().iter().map(|attachment| text(&attachment["text"]));
            (String::new(), texts.flat_map(|text| alerts_of_message(&text)).collect())
        }
        Receiver::Watchdog => {
            let alerts = payload["alerts"].as_array().into_iter().flatten();
            (String::new(), alerts.map(|a| (text(&a["labels"]["alertname"]), a["status"] == "firing")).collect())
        }
    };
    Notice { at: Instant::now(), receiver, incident, alerts, payload }
}

/// The newest alert that fires stands in the title, `[FIRING] neodyme: NeodymeDown: …`; all have a line in each field.
fn alerts_of_event(event: &Value) -> Vec<(String, bool)> {
    let field = |name: &str| event["payload"]["custom_details"][name].as_str().unwrap_or_default().to_owned();
    let (what, runbooks) = (field("what"), field("runbook"));
    let title = event["payload"]["summary"].as_str().unwrap_or_default();
    let triggers = event["event_action"] == "trigger";
    let name = |runbook: &str| runbook.rsplit('/').next().unwrap_or_default().trim_end_matches(".md").to_owned();
    let alerts = runbooks.lines().zip(what.lines());
    let alerts = alerts.map(|(runbook, what)| (name(runbook), triggers && !what.starts_with("resolved: ")));
    let mut alerts: Vec<_> = alerts.collect();
    let subject = title.split(": ").nth(1).unwrap_or(title);
    let titled = alerts.iter_mut().find(|(name, fires)| *fires == triggers && subject.split(' ').next() == Some(name));
    titled.into_iter().for_each(|(name, _)| *name = subject.to_owned());
    alerts
}

/// Each alert begins with a line `*NeodymeInstanceDown 127.0.0.1:9000* (resolved)`.
fn alerts_of_message(text: &str) -> Vec<(String, bool)> {
    let heads = text.lines().filter_map(|line| line.strip_prefix('*')?.split_once('*'));
    let heads = heads.filter(|(subject, _)| !subject.ends_with(':'));
    heads.map(|(subject, rest)| (subject.to_owned(), !rest.contains("(resolved)"))).collect()
}
