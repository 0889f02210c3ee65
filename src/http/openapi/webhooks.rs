//! The events that others are told of, as OpenAPI has them: webhooks as the Standard Webhooks specification lays them out
//! (<https://www.standardwebhooks.com>).

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::values::timestamp;

/// What comes with each event, for whoever verifies it.
const HEADERS: [(&str, &str); 3] = [
    ("webhook-id", "Names the event: what is sent again has the same."),
    ("webhook-timestamp", "Seconds since 1970 of this attempt: refuse what is minutes old."),
    (
        "webhook-signature",
        "`v1,` and the HMAC-SHA256 of id, time stamp and body, in Base64; two while a secret is replaced.",
    ),
];

/// An event.
pub struct Told {
    /// Its name, such as `user.registered`.
    pub name: &'static str,
    /// When it is sent.
    pub about: &'static str,
    /// The form of its `data`.
    pub data: fn(&mut SchemaGenerator) -> Schema,
}

/// Each event under its name.
pub(super) fn webhooks(told: &[Told], generator: &mut SchemaGenerator) -> Map<String, Value> {
    told.iter().map(|event| (event.name.to_owned(), json!({ "post": operation(event, generator) }))).collect()
}

fn operation(event: &Told, generator: &mut SchemaGenerator) -> Value {
    let header = |(name, about): (&str, &str)| json!({ "name": name, "in": "header", "required": true, "description": about, "schema": { "type": "string" } });
    let body = json!({
        "type": "object",
        "required": ["type", "timestamp", "data"],
        "properties": {
            "type": { "const": event.name },
            "timestamp": timestamp::Moment::json_schema(generator),
            "data": (event.data)(generator),
        },
    });
    json!({
        "operationId": event.name.replace('.', "_"),
        "summary": event.about,
        "parameters": HEADERS.map(header),
        "requestBody": { "required": true, "content": { "application/json": { "schema": body } } },
        "responses": {
            "2XX": { "description": "It was taken." },
            "410": { "description": "No more is wanted: the endpoint is switched off." },
            "default": { "description": "It is sent again, later." },
        },
        "security": [],
    })
}
