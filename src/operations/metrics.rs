//! `GET /metrics`: what Prometheus asks.

use std::sync::Arc;

use http::HeaderValue;
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, VARY};

use super::large_answers::take_place;
use crate::error::{Error, Result};
use crate::fairness::Place;
use crate::http::{Asker, Body, Context, Request, Response, with_place};
use crate::state::App;
use crate::telemetry::metrics;

/// All metrics in the format that the scraper prefers.
pub(super) async fn expose(app: Arc<App>, context: Arc<Context>, request: Request) -> Result<Response> {
    let headers = request.head.headers;
    let encode = move || metrics::encode(text(&headers, ACCEPT), text(&headers, ACCEPT_ENCODING));
    let (encoded, place) = gather(&app, &context, encode).await?;
    let encoded = encoded.map_err(failed)?;
    let mut response = Response::new(Body::from(encoded.body));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(encoded.content_type));
    headers.insert(VARY, HeaderValue::from_static("Accept, Accept-Encoding"));
    if let Some(coding) = encoded.content_encoding {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding));
    }
    Ok(with_place(response, place))
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
    super::health::refresh_metrics(app);
    metrics::refresh();
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::Panic(format!("the metrics cannot be gathered: {error}"))
}
