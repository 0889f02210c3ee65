//! `GET /` on the operations listener: what is there.

use crate::app::App;
use crate::build;
use crate::http::{Response, html};
use crate::lifecycle::Phase;

/// The endpoints of this listener, each with what it is for.
const ENDPOINTS: &[(&str, &str)] = &[
    ("/metrics", "All metrics, for Prometheus: text 0.0.4 or protobuf, gzipped on request."),
    ("/health/", "Whether this instance takes requests, for load balancers: 200 or 503."),
];

pub(super) fn page(app: &App) -> Response {
    let state = match app.lifecycle.phase() {
        Phase::Starting => "starting",
        Phase::Ready => "ready",
        Phase::Draining | Phase::Closing => "shutting down",
    };
    let links: String = ENDPOINTS
        .iter()
        .map(|(path, meaning)| format!("<dt><a href=\"{path}\">{path}</a></dt><dd>{meaning}</dd>\n"))
        .collect();
    let build::Build { version, revision, rustc } = build::INFO;
    let database = app.db.backend();
    html(format!(
        include_str!("index.html"),
        state = state,
        links = links,
        version = version,
        revision = revision,
        rustc = rustc,
        database = database
    ))
}
