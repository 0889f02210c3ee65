//! `GET /openapi.json`: the endpoints of a listener, for tools that make clients.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method};
use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::Value;

use crate::http::{Access, Body, Call, Document, Endpoint, Media, Response, document};
use crate::state::App;

/// Describes a table.
pub(super) fn describe(table: &[Endpoint<App>], about: Document) -> Value {
    document(about, table.iter())
}

/// The same table with the endpoint that describes it, itself included.
pub(super) fn with_document(mut table: Vec<Endpoint<App>>, about: Document, access: Access) -> Vec<Endpoint<App>> {
    const ABOUT: &str = "These endpoints as an OpenAPI 3.1 document.";
    let text = Arc::new(OnceLock::new());
    let shared = Arc::clone(&text);
    let show = move |_call: Call<App>, (): ()| {
        let text: Bytes = shared.get().cloned().unwrap_or_default();
        async { Ok(OpenApi(text)) }
    };
    table.push(Endpoint::new(access, Method::GET, "/openapi.json", ABOUT, show).always());
    text.get_or_init(|| describe(&table, about).to_string().into_bytes().into());
    table
}

struct OpenApi(Bytes);

impl Media for OpenApi {
    const TYPES: &'static [&'static str] = &["application/vnd.oai.openapi+json"];
    const SCHEMA: Option<fn(&mut SchemaGenerator) -> Schema> = Some(|_| json_schema!({ "type": "object" }));

    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.0));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/vnd.oai.openapi+json;version=3.1"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("max-age=300"));
        response
    }
}
