//! The table of endpoints as an OpenAPI document (<https://spec.openapis.org/oas/v3.1.1.html>).

mod webhooks;

use std::collections::BTreeMap;

use http::Method;
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

pub use self::webhooks::Told;
use super::output::Given;
use super::response::Problem;
use super::takes::Parameter;
use super::{Access, Endpoint};
use crate::build;
use crate::config::PathPrefix;
use crate::error::ErrorCode;

/// What a document is about.
pub struct Document {
    /// Its title.
    pub title: &'static str,
    /// What the listener is for.
    pub description: &'static str,
    /// The path under which all of it is served too.
    pub prefix: Option<PathPrefix>,
    /// Whether clients may ask so often and no more, but for what is always answered.
    pub is_limited: bool,
    /// The events that others are told of.
    pub webhooks: Vec<Told>,
}

/// The forms of JSON bodies: a member that may be missing in what is taken is always there in what is given, as `null` at least. No
/// form is of both.
struct Forms {
    taken: SchemaGenerator,
    given: SchemaGenerator,
}

impl Forms {
    fn new() -> Self {
        let settings = || SchemaSettings::draft2020_12().with(|s| s.definitions_path = "/components/schemas".into());
        Forms { taken: settings().into_generator(), given: settings().for_serialize().into_generator() }
    }

    fn definitions(mut self) -> Map<String, Value> {
        let mut all = self.taken.take_definitions(true);
        all.extend(self.given.take_definitions(true));
        all
    }
}

/// Describes the endpoints of a listener.
pub fn document<'a, S: Send + Sync + 'static>(
    about: &Document,
    endpoints: impl Iterator<Item = &'a Endpoint<S>>,
) -> Value {
    let mut forms = Forms::new();
    let problem = forms.given.subschema_for::<Problem<'static>>();
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for endpoint in endpoints {
        let errors = errors(endpoint, about.is_limited);
        let mut operation = operation(endpoint, errors, &mut forms, &json!(problem));
        if about.is_limited && !endpoint.always {
            add_limits(&mut operation["responses"]);
        }
        paths.entry(endpoint.path).or_default().insert(endpoint.method.as_str().to_ascii_lowercase(), operation);
    }
    let webhooks = webhooks::webhooks(&about.webhooks, &mut forms.given);
    let mut document = json!({
        "openapi": "3.1.1",
        "info": {
            "title": about.title,
            "description": about.description,
            "version": build::INFO.version,
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": servers(about.prefix.as_ref()),
        "paths": paths,
        "components": {
            "schemas": forms.definitions(),
            "securitySchemes": {
                "operations_token": {
                    "type": "http", "scheme": "bearer", "description": "The token in `ops_token`, where one is set.",
                },
                "access_token": {
                    "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
                    "description": "The access token that `POST /auth/login` gives, and `POST /auth/refresh` renews.",
                },
            },
        },
    });
    if about.is_limited {
        document["components"]["headers"] = limits();
    }
    if !webhooks.is_empty() {
        document["webhooks"] = webhooks.into();
    }
    document
}

/// Who finds the document below the prefix, or knows of one, finds the others there.
fn servers(prefix: Option<&PathPrefix>) -> Value {
    let urls = prefix.into_iter().map(PathPrefix::as_str).chain(["/"]);
    urls.map(|url| json!({ "url": url })).collect()
}

/// What all answers say of limits, where any is set.
fn limits() -> Value {
    json!({
        "RateLimit-Policy": {
            "description": "How often the caller's address may ask for this (`q`), and within how many seconds (`w`) all of that \
                            comes back, evenly.",
            "schema": { "type": "string", "examples": ["\"requests\";q=3000;w=60"] },
        },
        "RateLimit": {
            "description": "How often it may ask now (`r`); where it may not, the seconds (`t`) after which it may again.",
            "schema": { "type": "string", "examples": ["\"requests\";r=2999", "\"requests\";r=0;t=1"] },
        },
    })
}

/// Adds them to what is answered where all is well, and where it was too often. The other errors have them too.
fn add_limits(responses: &mut Value) {
    let told = |(status, _): &(&String, &mut Value)| status.starts_with('2') || status.as_str() == "429";
    for (_, response) in responses.as_object_mut().into_iter().flatten().filter(told) {
        for name in ["RateLimit-Policy", "RateLimit"] {
            response["headers"][name] = json!({ "$ref": format!("#/components/headers/{name}") });
        }
    }
}

/// Every error that a request for it can be answered with: also before it is known what is asked for.
fn errors<S: Send + Sync + 'static>(endpoint: &Endpoint<S>, is_limited: bool) -> Vec<ErrorCode> {
    let mut errors = endpoint.errors();
    errors.push(ErrorCode::MalformedRequest);
    errors.extend(is_limited.then_some(ErrorCode::RateLimited));
    errors.sort_by_key(|error| *error as usize);
    errors.dedup();
    errors
}

fn operation<S: Send + Sync + 'static>(
    endpoint: &Endpoint<S>,
    errors: Vec<ErrorCode>,
    forms: &mut Forms,
    problem: &Value,
) -> Value {
    let mut operation = json!({
        "operationId": operation_id(&endpoint.method, endpoint.path),
        "summary": endpoint.about,
        "responses": responses(endpoint, errors, &mut forms.given, problem),
        "security": security(endpoint.access),
        "x-callers": endpoint.access.to_string(),
    });
    let path = endpoint.takes.path.iter().map(|part| parameter(part, "path"));
    let query = endpoint.takes.query.iter().map(|parameter| self::parameter(parameter, "query"));
    let headers = endpoint.takes.headers.iter().map(|header| parameter(header, "header"));
    let parameters: Vec<Value> = path.chain(query).chain(headers).collect();
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    if let Some(schema) = endpoint.takes.body {
        operation["requestBody"] = json!({ "required": !endpoint.takes.may_lack_body, "content": { "application/json": { "schema": schema(&mut forms.taken) } } });
    }
    operation
}

/// `post_users`, `get_users_id`
fn operation_id(method: &Method, path: &str) -> String {
    let words = path.split(['/', '-', '.', '{', '}']).filter(|word| !word.is_empty());
    std::iter::once(method.as_str().to_ascii_lowercase().as_str()).chain(words).collect::<Vec<_>>().join("_")
}

fn parameter(parameter: &Parameter, place: &str) -> Value {
    let Parameter { name, about, schema } = parameter;
    json!({ "name": name, "in": place, "required": place == "path", "description": about, "schema": schema })
}

fn security(access: Access) -> Value {
    match access {
        Access::Anyone => json!([]),
        Access::Token => json!([{ "operations_token": [] }, {}]),
        Access::TokenAlways => json!([{ "operations_token": [] }]),
        _users => json!([{ "access_token": [] }]),
    }
}

/// An answer for each status; where an error has the status of an answer that is none, the body is either.
fn responses<S: Send + Sync + 'static>(
    endpoint: &Endpoint<S>,
    errors: Vec<ErrorCode>,
    generator: &mut SchemaGenerator,
    problem: &Value,
) -> Value {
    let mut responses: BTreeMap<String, Value> = BTreeMap::new();
    for given in &endpoint.gives.0 {
        responses.insert(given.status.as_u16().to_string(), answer(given, generator));
    }
    let mut by_status: BTreeMap<u16, Vec<ErrorCode>> = BTreeMap::new();
    for error in errors {
        endpoint.statuses_of(error).for_each(|status| by_status.entry(status).or_default().push(error));
    }
    for (status, errors) in by_status {
        let response =
            responses.entry(status.to_string()).or_insert_with(|| json!({ "description": "", "content": {} }));
        let names: Vec<_> = errors.iter().map(|error| format!("`{}`", error.as_str())).collect();
        let said = response["description"].as_str().unwrap_or_default();
        response["description"] = format!("{said} {}", names.join(", ")).trim_start().into();
        response["content"]["application/problem+json"] = json!({ "schema": problem });
        if matches!(status, 429 | 503) {
            response["headers"]["Retry-After"] = header("Seconds after which to try again.");
        }
    }
    json!(responses)
}

fn answer(given: &Given, generator: &mut SchemaGenerator) -> Value {
    let content = given.media_types.iter().map(|media_type| {
        let schema = given.schema.filter(|_| media_type.ends_with("json")).map(|schema| schema(generator));
        ((*media_type).to_owned(), schema.map_or_else(|| json!({}), |schema| json!({ "schema": schema })))
    });
    let mut answer = json!({ "description": given.about, "content": content.collect::<Map<_, _>>() });
    if given.has_location {
        answer["headers"]["Location"] = header("Where it is.");
    }
    if given.has_version {
        answer["headers"]["ETag"] = header("Its version, for `If-Match`.");
    }
    answer
}

fn header(about: &str) -> Value {
    json!({ "description": about, "schema": { "type": "string" } })
}
