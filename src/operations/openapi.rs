//! `GET /openapi.json`: the endpoints of a listener, for tools that make clients.

use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method};
use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::Value;

use crate::error::Result;
use crate::http::{Access, Body, Call, Document, Endpoint, Media, Response, document};
use crate::state::App;

/// Whose endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listener {
    /// Those of clients.
    Api,
    /// Those of operators.
    Operations,
}

impl Listener {
    /// The OpenAPI document of its endpoints.
    pub fn document(self) -> Value {
        let (routes, about) = match self {
            Listener::Api => (
                super::api_routes(),
                Document {
                    title: "neodyme",
                    description: "Registration of users. Errors are problem documents (RFC 9457); `code` names them, and \
                              docs/ERRORS.md explains them.",
                },
            ),
            Listener::Operations => (
                super::ops_routes(),
                Document {
                    title: "neodyme operations",
                    description: "Health, metrics, errors and settings, for operators and their tools.",
                },
            ),
        };
        document(about, routes.endpoints().iter().map(AsRef::as_ref))
    }
}

/// The line of the table.
pub(super) fn endpoint(listener: Listener) -> Endpoint<App> {
    const ABOUT: &str = "These endpoints as an OpenAPI 3.1 document.";
    let endpoint = match listener {
        Listener::Api => Endpoint::new(Method::GET, "/openapi.json", ABOUT, of_api),
        Listener::Operations => Endpoint::new(Method::GET, "/openapi.json", ABOUT, of_operations),
    };
    let access = if listener == Listener::Api { Access::Anyone } else { Access::Token };
    endpoint.always().only_for(access)
}

async fn of_api(_call: Call<App>, (): ()) -> Result<OpenApi> {
    Ok(OpenApi(Listener::Api))
}

async fn of_operations(_call: Call<App>, (): ()) -> Result<OpenApi> {
    Ok(OpenApi(Listener::Operations))
}

struct OpenApi(Listener);

impl Media for OpenApi {
    const TYPES: &'static [&'static str] = &["application/vnd.oai.openapi+json"];
    const SCHEMA: Option<fn(&mut SchemaGenerator) -> Schema> = Some(|_| json_schema!({ "type": "object" }));

    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.0.document().to_string().into_bytes()));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/vnd.oai.openapi+json;version=3.1"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("max-age=300"));
        response
    }
}
