//! `GET /metrics`: what Prometheus asks.

use std::sync::Arc;

use http::HeaderValue;
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, VARY};

use crate::app::App;
use crate::error::{Error, Result};
use crate::http::{Body, Request, Response};
use crate::metrics;

/// Gathers and encodes away from the async threads: it takes a millisecond or two.
pub(super) async fn expose(app: Arc<App>, request: Request) -> Result<Response> {
    let headers = request.head.headers;
    refresh(&app);
    let encoding = move || metrics::encode(text(&headers, ACCEPT), text(&headers, ACCEPT_ENCODING));
    let encoded = tokio::task::spawn_blocking(encoding).await.map_err(failed)?.map_err(failed)?;
    let mut response = Response::new(Body::from(encoded.body));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(encoded.content_type));
    headers.insert(VARY, HeaderValue::from_static("Accept, Accept-Encoding"));
    if let Some(coding) = encoded.content_encoding {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding));
    }
    Ok(response)
}

/// Brings the gauges that mirror other things up to date.
pub(super) fn refresh(app: &App) {
    metrics::db_pool(app.db.pool_status());
    app.hash_pool.refresh_metrics();
    super::health::refresh_metrics(app);
    metrics::refresh();
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::Panic(format!("the metrics cannot be encoded: {error}"))
}
