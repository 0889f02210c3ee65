//! An analytics service at the far end of a socket, which behaves as a test wants it to.

#[path = "analytics/answer.rs"]
mod answer;
#[path = "analytics/garbage.rs"]
mod garbage;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use reqwest::header::HeaderMap;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::connections::{accept, listen, lock};
use super::eventually;
use super::programs::lasting_port;
use garbage::MayTalkGarbage;

/// What the service does with an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// Takes it: 202.
    Ok,
    /// Answers with this status and `Retry-After`.
    Status(u16, Option<String>),
    /// Answers with this status, content type and body, and takes nothing.
    Foreign(u16, Option<&'static str>, &'static str),
    /// Never answers.
    Hang,
    /// Takes it, after this time.
    Slow(Duration),
    /// Sends the client elsewhere, with this status.
    RedirectTo(u16, String),
    /// Sends the client to another path of its own, with 307, and takes the event there.
    RedirectSameHost,
    /// Sends the client to itself, with 308, again and again.
    RedirectLoop,
    /// Takes it, and goes on talking for ever.
    EndlessBody,
    /// Takes it, says that a body follows, and goes silent.
    SilentBody,
    /// Reads it and closes the connection.
    CloseBeforeAnswer,
    /// Answers with what is no HTTP.
    Garbage,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Received {
    /// When.
    pub at: Instant,
    /// `POST`.
    pub method: String,
    /// `/v1/events`.
    pub path: String,
    /// Its header.
    pub headers: HeaderMap,
    /// Its body; null if it was no JSON.
    pub body: Value,
    /// Its body as it came.
    pub text: String,
    /// The client's end of its connection.
    pub connection: SocketAddr,
    /// Whether the service took it: answered, or was about to answer, with 2xx.
    pub taken: bool,
}

impl Received {
    /// A header's value; fails where it is missing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no {name} in {self:?}")).to_str().unwrap()
    }
}

/// The service. It listens until it is stopped or dropped; `GET …/health` says 200 meanwhile.
pub struct AnalyticsService {
    address: SocketAddr,
    state: Arc<State>,
    running: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct State {
    behaviour: Mutex<Option<Behaviour>>,
    next: Mutex<VecDeque<Behaviour>>,
    received: Mutex<Vec<Received>>,
}

impl AnalyticsService {
    /// Starts it on a free port. It takes every event until it is told otherwise.
    pub async fn start() -> AnalyticsService {
        let mut service =
            AnalyticsService { address: ([127, 0, 0, 1], lasting_port()).into(), state: Arc::default(), running: None };
        service.resume().await;
        service
    }

    /// What `analytics_base_url` is set to.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// From now on it does this with every event.
    pub fn behave(&self, behaviour: Behaviour) {
        *lock(&self.state.behaviour) = Some(behaviour);
    }

    /// It does this with the next event, before all else; a second call is for the one after.
    pub fn behave_once(&self, behaviour: Behaviour) {
        lock(&self.state.next).push_back(behaviour);
    }

    /// Closes its listener and cuts its connections.
    pub async fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            running.abort();
            let _ = running.await;
        }
    }

    /// Listens again, at the same address.
    pub async fn resume(&mut self) {
        self.stop().await;
        let listener = listen(self.address).await;
        let state = self.state.clone();
        let talk = move |stream, client| converse(stream, client, state.clone());
        self.running = Some(tokio::spawn(accept(listener, talk)));
    }

    /// Every event so far, taken or not, in the order of arrival.
    pub fn received(&self) -> Vec<Received> {
        lock(&self.state.received).clone()
    }

    /// The events that it took.
    pub fn taken(&self) -> Vec<Received> {
        self.received().into_iter().filter(|event| event.taken).collect()
    }

    /// Forgets the events that it has received, and says how many it took.
    pub fn forget(&self) -> usize {
        lock(&self.state.received).drain(..).filter(|event| event.taken).count()
    }

    /// Waits until it has received this many events, and returns all that there are.
    pub async fn wait_for_received(&self, count: usize) -> Vec<Received> {
        let enough = async || Some(self.received()).filter(|received| received.len() >= count);
        eventually(&format!("{count} events arrive"), enough).await
    }

    /// Waits until it has taken this many events, and returns all that it took.
    pub async fn wait_for_taken(&self, count: usize) -> Vec<Received> {
        let enough = async || Some(self.taken()).filter(|taken| taken.len() >= count);
        eventually(&format!("{count} events are taken"), enough).await
    }
}

impl Drop for AnalyticsService {
    fn drop(&mut self) {
        if let Some(running) = &self.running {
            running.abort();
        }
    }
}

impl State {
    fn next_behaviour(&self) -> Behaviour {
        let next = lock(&self.next).pop_front();
        next.or_else(|| lock(&self.behaviour).clone()).unwrap_or(Behaviour::Ok)
    }
}

async fn converse(stream: TcpStream, client: SocketAddr, state: Arc<State>) {
    stream.set_nodelay(true).unwrap();
    let (stream, garbage) = MayTalkGarbage::new(stream);
    let service = service_fn(|request| answer::answer(request, client, state.clone(), garbage.clone()));
    let _ = http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service).await;
}
