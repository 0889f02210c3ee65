//! `GET /metrics`: what Prometheus asks.

use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, VARY};
use http::{HeaderValue, Method};

use super::large_answers::take_place;
use crate::error::{Error, ErrorCode, Result};
use crate::fairness::Place;
use crate::http::{Access, Asker, Body, Call, Context, Endpoint, Head, Held, Media, Response};
use crate::state::App;
use crate::telemetry::metrics::{self, Encoded};

/// The line of the table.
pub(super) fn endpoint() -> Endpoint<App> {
    const ABOUT: &str = "All metrics, for Prometheus: text 0.0.4 or protobuf, gzipped on request.";
    Endpoint::new(Access::Token, Method::GET, "/metrics", ABOUT, expose)
        .always()
        .fails_with(&[ErrorCode::ServiceOverloaded])
}

/// All metrics in the format that the scraper prefers.
async fn expose(call: Call<App>, Head(head): Head) -> Result<Held<Exposition>> {
    let headers = head.headers;
    let encode = move || metrics::encode(text(&headers, ACCEPT), text(&headers, ACCEPT_ENCODING));
    let (encoded, place) = gather(&call.state, &call.context, encode).await?;
    Ok(Held { answer: Exposition(encoded.map_err(failed)?), place })
}

struct Exposition(Encoded);

impl Media for Exposition {
    const TYPES: &'static [&'static str] = &["text/plain", "application/vnd.google.protobuf"];

    fn into_response(self) -> Response {
        let Exposition(encoded) = self;
        let mut response = Response::new(Body::from(encoded.body));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(encoded.content_type));
        headers.insert(VARY, HeaderValue::from_static("Accept, Accept-Encoding"));
        if let Some(coding) = encoded.content_encoding {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding));
        }
        response
    }
}

/// Does what gathers all metrics away from the async threads: it takes a millisecond or two. Its place is taken until it is
/// done, also when the client has left meanwhile.
pub(super) async fn gather<T: Send + 'static>(
    app: &App,
    context: &Context,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<(T, Place<Asker>)> {
    let place = take_place(app, context)?;
    refresh(app);
    tokio::task::spawn_blocking(move || (work(), place)).await.map_err(failed)
}

/// Brings the gauges that mirror other things up to date.
fn refresh(app: &App) {
    metrics::db_pool(app.db.pool_status());
    app.hash_pool.refresh_metrics();
    super::readiness::refresh_metrics(app);
    metrics::refresh();
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::Internal(format!("the metrics cannot be gathered: {error}"))
}
