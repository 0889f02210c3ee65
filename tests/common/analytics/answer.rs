//! One request and what the service does with it.

use std::convert::Infallible;
use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use bytes::Bytes;
use futures_util::stream;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::{Request, Response};
use serde_json::Value;

use super::{Behaviour, Received, State, lock};

type Body = BoxBody<Bytes, Infallible>;
type Answer = Result<Response<Body>, &'static str>;

/// Where [`Behaviour::RedirectSameHost`] sends the client.
const ELSEWHERE: &str = "/v2/events";

pub(super) async fn answer(
    request: Request<Incoming>,
    client: SocketAddr,
    state: Arc<State>,
    garbage: Arc<AtomicBool>,
) -> Answer {
    let (head, body) = request.into_parts();
    if head.uri.path().ends_with("/health") {
        return status(200, None);
    }
    let body = body.collect().await.map_err(|_| "the request broke off")?.to_bytes();
    let was_redirected = head.uri.path() == ELSEWHERE;
    let behaviour = if was_redirected { Behaviour::Ok } else { state.next_behaviour() };
    lock(&state.received).push(Received {
        at: Instant::now(),
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        headers: head.headers,
        body: serde_json::from_slice(&body).unwrap_or(Value::Null),
        text: String::from_utf8_lossy(&body).into_owned(),
        connection: client,
        taken: takes(&behaviour),
    });
    perform(behaviour, head.uri.path(), &garbage).await
}

fn takes(behaviour: &Behaviour) -> bool {
    use Behaviour::*;
    matches!(behaviour, Ok | Slow(_) | EndlessBody | SilentBody | Status(200..=299, _))
}

async fn perform(behaviour: Behaviour, path: &str, garbage: &AtomicBool) -> Answer {
    match behaviour {
        Behaviour::Ok => status(202, None),
        Behaviour::Status(code, retry_after) => status(code, retry_after.map(|value| ("retry-after", value))),
        Behaviour::Foreign(code, content_type, body) => {
            let mut response = Response::builder().status(code);
            if let Some(content_type) = content_type {
                response = response.header("content-type", content_type);
            }
            Ok(response.body(Full::from(body).boxed()).unwrap())
        }
        Behaviour::Hang => pending().await,
        Behaviour::Slow(time) => {
            tokio::time::sleep(time).await;
            status(202, None)
        }
        Behaviour::RedirectTo(code, url) => status(code, Some(("location", url))),
        Behaviour::RedirectSameHost => status(307, Some(("location", ELSEWHERE.into()))),
        Behaviour::RedirectLoop => status(308, Some(("location", path.into()))),
        Behaviour::EndlessBody => Ok(Response::new(StreamBody::new(stream::repeat_with(chunk)).boxed())),
        Behaviour::SilentBody => Ok(Response::new(StreamBody::new(stream::pending::<Chunk>()).boxed())),
        Behaviour::CloseBeforeAnswer => Err("closed before the answer"),
        Behaviour::Garbage => {
            garbage.store(true, Ordering::Relaxed);
            status(202, None)
        }
    }
}

type Chunk = Result<Frame<Bytes>, Infallible>;

fn chunk() -> Chunk {
    Ok(Frame::data(Bytes::from_static(&[b'x'; 8192])))
}

/// An answer whose body repeats what a log must not show.
fn status(code: u16, header: Option<(&str, String)>) -> Answer {
    let mut response = Response::builder().status(code);
    if let Some((name, value)) = header {
        response = response.header(name, value);
    }
    Ok(response.body(Full::from(r#"{"you_said":"canary@example.com"}"#).boxed()).unwrap())
}
