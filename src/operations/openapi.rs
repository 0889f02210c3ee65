//! `GET /openapi.json`: the endpoints of a listener, for tools that make clients.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method};
use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::Value;

use crate::http::{Access, Body, Call, Document, Endpoint, Media, Response, document};
use crate::state::App;
use crate::values::LENGTH_SET_BY;

/// What a document is about, and what of it follows from settings.
pub(super) struct About {
    pub(super) document: Document,
    /// Fewest characters of a new password, where that is known.
    pub(super) min_characters: Option<usize>,
}

/// Describes a table.
pub(super) fn describe(table: &[Endpoint<App>], about: &About) -> Value {
    let mut described = document(&about.document, table.iter());
    if let Some(fewest) = about.min_characters {
        put_in_force(&mut described, fewest);
    }
    described
}

/// Says how long a password has to be wherever one is chosen.
fn put_in_force(value: &mut Value, fewest: usize) {
    match value {
        Value::Object(members) if members.get(LENGTH_SET_BY).is_some() => {
            members.insert("minLength".to_owned(), fewest.into());
        }
        Value::Object(members) => members.values_mut().for_each(|member| put_in_force(member, fewest)),
        Value::Array(values) => values.iter_mut().for_each(|value| put_in_force(value, fewest)),
        _ => {}
    }
}

/// The same table with the endpoint that describes it, itself included.
pub(super) fn with_document(mut table: Vec<Endpoint<App>>, about: &About, access: Access) -> Vec<Endpoint<App>> {
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
