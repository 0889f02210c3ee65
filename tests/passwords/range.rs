//! A service that knows passwords from data breaches, at the far end of a socket, which behaves as a test wants it to.

use std::convert::Infallible;
use std::future::pending;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::stream;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use reqwest::header::HeaderMap;
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::common::connections::{accept, lock};

/// What the service does with a question.
#[derive(Clone, Debug)]
pub enum Behaviour {
    /// Answers with these passwords, as often as they were found, and with others.
    Knows(Vec<(&'static str, u64)>),
    /// Answers with this status.
    Status(u16),
    /// Answers with a page, as a captive portal does.
    Page,
    /// Sends the client elsewhere.
    Redirect(String),
    /// Never answers.
    Hang,
    /// Begins an answer, and goes silent.
    Silent,
    /// Never comes to an end.
    Endless,
    /// Closes the connection.
    Close,
}

/// A question as it came.
#[derive(Clone, Debug)]
pub struct Question {
    pub method: String,
    pub path: String,
    pub headers: HeaderMap,
}

/// The service. It listens until it is dropped.
pub struct RangeService {
    url: String,
    state: Arc<State>,
    running: JoinHandle<()>,
}

struct State {
    behaviour: Mutex<Behaviour>,
    questions: Mutex<Vec<Question>>,
}

impl RangeService {
    /// Starts it on a free port. It knows nothing until it is told otherwise.
    pub async fn start() -> RangeService {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/range", listener.local_addr().unwrap());
        let state = State { behaviour: Mutex::new(Behaviour::Knows(Vec::new())), questions: Mutex::default() };
        let state = Arc::new(state);
        let shared = Arc::clone(&state);
        let running = tokio::spawn(accept(listener, move |stream, _| converse(stream, Arc::clone(&shared))));
        RangeService { url, state, running }
    }

    /// What `breached_passwords_url` is set to.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// From now on it does this.
    pub fn behave(&self, behaviour: Behaviour) {
        *lock(&self.state.behaviour) = behaviour;
    }

    /// Every question so far.
    pub fn questions(&self) -> Vec<Question> {
        lock(&self.state.questions).clone()
    }
}

impl Drop for RangeService {
    fn drop(&mut self) {
        self.running.abort();
    }
}

/// The SHA-1 of a password in hex digits.
pub fn sha1(password: &str) -> String {
    let digest = digest(&SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes());
    digest.as_ref().iter().map(|byte| format!("{byte:02X}")).collect()
}

async fn converse(stream: TcpStream, state: Arc<State>) {
    let service = service_fn(|request| answer(request, Arc::clone(&state)));
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

type Body = BoxBody<Bytes, Infallible>;

async fn answer(request: Request<Incoming>, state: Arc<State>) -> Result<Response<Body>, &'static str> {
    let (head, _) = request.into_parts();
    let path = head.uri.to_string();
    let prefix = path.rsplit('/').next().unwrap_or_default().to_owned();
    lock(&state.questions).push(Question { method: head.method.to_string(), path, headers: head.headers });
    let behaviour = lock(&state.behaviour).clone();
    match behaviour {
        Behaviour::Knows(passwords) => Ok(Response::new(text(range(&prefix, &passwords)))),
        Behaviour::Status(code) => Ok(Response::builder().status(code).body(text(String::new())).unwrap()),
        Behaviour::Page => Ok(Response::new(text("<html>Sign in to this network</html>".into()))),
        Behaviour::Redirect(to) => {
            Ok(Response::builder().status(302).header("location", to).body(text(String::new())).unwrap())
        }
        Behaviour::Hang => pending().await,
        Behaviour::Silent => Ok(Response::new(StreamBody::new(stream::pending::<Chunk>()).boxed())),
        Behaviour::Endless => Ok(Response::new(StreamBody::new(stream::repeat_with(chunk)).boxed())),
        Behaviour::Close => Err("closed before the answer"),
    }
}

/// Those that begin so, and 800 lines of padding, as the real one has them: in upper case, with CRLF between.
fn range(prefix: &str, passwords: &[(&str, u64)]) -> String {
    let padding = (0..800).map(|number| format!("{number:035X}:0"));
    let known = passwords.iter().map(|(password, count)| (sha1(password), count));
    let known = known.filter_map(|(hash, count)| Some(format!("{}:{count}", hash.strip_prefix(prefix)?)));
    padding.chain(known).collect::<Vec<_>>().join("\r\n")
}

fn text(text: String) -> Body {
    Full::from(text).boxed()
}

type Chunk = Result<Frame<Bytes>, Infallible>;

fn chunk() -> Chunk {
    Ok(Frame::data(Bytes::from_static(b"0018A45C4D1DEF81644B54AB7F969B88D65:3\r\n")))
}
