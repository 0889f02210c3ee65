//! What endpoints give where all is well: typed, and described where it is typed.

use std::marker::PhantomData;

use http::header::{ETAG, LOCATION};
use http::{HeaderValue, StatusCode};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;

use super::input::Json;
use super::progress::Asker;
use super::response::{Response, empty, json, json_of, to_json, with_header, with_place};
use crate::error::Result;
use crate::fairness::Place;

/// What an endpoint gives, for its description: a line for each status.
pub struct Gives(pub Vec<Given>);

/// What an answer with this status is.
pub struct Given {
    /// The status.
    pub status: StatusCode,
    /// What it means, in a sentence.
    pub about: &'static str,
    /// Its media types.
    pub media_types: &'static [&'static str],
    /// The form of its body, where it is JSON.
    pub schema: Option<fn(&mut SchemaGenerator) -> Schema>,
    /// Whether it has a `Location`.
    pub has_location: bool,
    /// Whether it has an `ETag`.
    pub has_version: bool,
}

const JSON: &[&str] = &["application/json"];

impl Gives {
    pub(super) fn statuses(&self) -> impl Iterator<Item = u16> {
        self.0.iter().map(|given| given.status.as_u16())
    }
}

/// What a handler gives.
pub trait Output {
    /// What that can be.
    fn gives() -> Gives;
    /// The answer.
    ///
    /// # Errors
    /// When it cannot be written.
    fn into_response(self) -> Result<Response>;
}

/// JSON that is written already, where writing it takes long.
pub struct Written<T> {
    json: Vec<u8>,
    of: PhantomData<fn() -> T>,
}

impl<T: Serialize> Written<T> {
    /// Writes it.
    ///
    /// # Errors
    /// Where the value has no JSON form, which is a bug.
    pub fn new(value: &T) -> Result<Self> {
        Ok(Written { json: to_json(value)?, of: PhantomData })
    }
}

impl<T: Serialize + JsonSchema> Output for Written<T> {
    fn gives() -> Gives {
        Json::<T>::gives()
    }

    fn into_response(self) -> Result<Response> {
        Ok(json_of(StatusCode::OK, self.json))
    }
}

/// Something new: 201, and where it is.
pub struct Created<T> {
    /// Where.
    pub location: String,
    /// What.
    pub body: T,
}

/// Done, and there is nothing to say: 204.
pub struct NoContent;

/// It will be done, or there is nothing to do, which the answer does not tell apart: 202.
pub struct Accepted;

/// What changes, with its version (RFC 9110, 8.8.3).
pub struct Versioned<T> {
    /// The version, of visible characters of ASCII and no quotes.
    pub version: String,
    /// What.
    pub body: T,
}

/// A state that is good, 200, or not, 503.
pub struct Checked<T> {
    /// Which.
    pub is_good: bool,
    /// What there is to say.
    pub body: T,
}

/// An answer that holds a place until its client has all of it.
pub struct Held<O> {
    /// The answer.
    pub answer: O,
    /// The place.
    pub place: Place<Asker>,
}

/// What says of itself in which forms it comes.
pub trait Media {
    /// The media types.
    const TYPES: &'static [&'static str];
    /// The form of its body, where one of them is JSON.
    const SCHEMA: Option<fn(&mut SchemaGenerator) -> Schema> = None;
    /// The answer.
    fn into_response(self) -> Response;
}

/// A page, in HTML.
pub struct Page(pub Response);

impl Media for Page {
    const TYPES: &'static [&'static str] = &["text/html"];

    fn into_response(self) -> Response {
        self.0
    }
}

fn ok(media_types: &'static [&'static str], schema: Option<fn(&mut SchemaGenerator) -> Schema>) -> Given {
    Given { status: StatusCode::OK, about: "Success.", media_types, schema, has_location: false, has_version: false }
}

impl<T: Serialize + JsonSchema> Output for Json<T> {
    fn gives() -> Gives {
        Gives(vec![ok(JSON, Some(SchemaGenerator::subschema_for::<T>))])
    }

    fn into_response(self) -> Result<Response> {
        json(StatusCode::OK, &self.0)
    }
}

impl<T: Serialize + JsonSchema> Output for Created<T> {
    fn gives() -> Gives {
        let given = ok(JSON, Some(SchemaGenerator::subschema_for::<T>));
        Gives(vec![Given { status: StatusCode::CREATED, about: "Created, and durable.", has_location: true, ..given }])
    }

    fn into_response(self) -> Result<Response> {
        let response = json(StatusCode::CREATED, &self.body)?;
        match HeaderValue::try_from(self.location) {
            Ok(location) => Ok(with_header(response, LOCATION, location)),
            Err(_) => Ok(response),
        }
    }
}

impl Output for NoContent {
    fn gives() -> Gives {
        let given = ok(&[], None);
        Gives(vec![Given { status: StatusCode::NO_CONTENT, about: "Done.", ..given }])
    }

    fn into_response(self) -> Result<Response> {
        Ok(empty(StatusCode::NO_CONTENT))
    }
}

impl Output for Accepted {
    fn gives() -> Gives {
        let given = ok(&[], None);
        Gives(vec![Given {
            status: StatusCode::ACCEPTED,
            about: "It will be done, if there is anything to do.",
            ..given
        }])
    }

    fn into_response(self) -> Result<Response> {
        Ok(empty(StatusCode::ACCEPTED))
    }
}

impl<T: Serialize + JsonSchema> Output for Versioned<T> {
    fn gives() -> Gives {
        Gives(vec![Given { has_version: true, ..ok(JSON, Some(SchemaGenerator::subschema_for::<T>)) }])
    }

    fn into_response(self) -> Result<Response> {
        let response = json(StatusCode::OK, &self.body)?;
        match HeaderValue::try_from(format!("\"{}\"", self.version)) {
            Ok(tag) => Ok(with_header(response, ETAG, tag)),
            Err(_) => Ok(response),
        }
    }
}

impl<T: Serialize + JsonSchema> Output for Checked<T> {
    fn gives() -> Gives {
        let given = || ok(JSON, Some(SchemaGenerator::subschema_for::<T>));
        Gives(vec![
            Given { about: "Yes.", ..given() },
            Given { status: StatusCode::SERVICE_UNAVAILABLE, about: "No; the body says why.", ..given() },
        ])
    }

    fn into_response(self) -> Result<Response> {
        let status = if self.is_good { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        json(status, &self.body)
    }
}

impl<O: Output> Output for Held<O> {
    fn gives() -> Gives {
        O::gives()
    }

    fn into_response(self) -> Result<Response> {
        Ok(with_place(self.answer.into_response()?, self.place))
    }
}

impl<M: Media> Output for M {
    fn gives() -> Gives {
        Gives(vec![ok(M::TYPES, M::SCHEMA)])
    }

    fn into_response(self) -> Result<Response> {
        Ok(Media::into_response(self))
    }
}
