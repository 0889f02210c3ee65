//! The keys that access tokens are signed with: given, or made at the first start and kept in the database, where all instances
//! find them. A new one is published before it signs, and an old one until its last token has expired.

mod file;
mod inspection;
mod reading;
mod stored;
mod upkeep;

use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method};
use schemars::{Schema, SchemaGenerator};

pub use self::inspection::inspect;
pub use self::stored::{KeyState, StoredKey, list};
pub use self::upkeep::{Rotation, open, refresh, rotate};
use crate::error::Result;
use crate::http::{Access, Body, Call, Endpoint, Media, Response};
use crate::state::App;
use crate::tokens::Jwks;

/// RFC 7517, 8.5.1.
const MEDIA_TYPE: &str = "application/jwk-set+json";

pub(super) fn endpoints() -> Vec<Endpoint<App>> {
    const ABOUT: &str = "The keys that access tokens are verified with (JWKS, RFC 7517).";
    vec![Endpoint::new(Access::Anyone, Method::GET, "/.well-known/jwks.json", ABOUT, publish).always()]
}

async fn publish(call: Call<App>, (): ()) -> Result<Published> {
    Ok(Published(call.state.keyring.jwks()))
}

struct Published(Jwks);

impl Media for Published {
    const TYPES: &'static [&'static str] = &[MEDIA_TYPE];
    const SCHEMA: Option<fn(&mut SchemaGenerator) -> Schema> = Some(SchemaGenerator::subschema_for::<Jwks>);

    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(serde_json::to_vec(&self.0).unwrap_or_default()));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        // A new key is published for `signing_key_lead` before it signs: twice as long as this by default.
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
        response
    }
}
