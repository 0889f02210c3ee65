//! The path of a request: who asks, what is asked, the limits, the answer, and the one observer that sees it all.

mod access;
mod body;
mod client_address;
mod context;
mod cors;
mod endpoint;
mod form;
mod host;
mod input;
mod intake;
mod json_body;
mod limit;
mod normal_path;
mod observer;
mod openapi;
mod output;
mod page;
mod principal;
mod progress;
mod reader;
mod request;
mod request_id;
mod response;
mod router;
mod takes;
mod trace_context;

pub use self::access::{Access, Guard};
pub use self::client_address::is_trusted;
pub use self::context::Context;
pub use self::endpoint::{Call, Endpoint};
pub use self::form::{OurOrigin, SameOrigin, Typed, is_led_by_others};
pub use self::input::{FromHead, FromJson, FromPath, FromQuery, Head, Input, Json, Path, Query, Unread, Values};
pub use self::intake::Intake;
pub(crate) use self::json_body::{json_body, never_null};
pub use self::limit::Limit;
pub use self::observer::Service;
pub use self::openapi::{Document, Told, document};
pub use self::output::{Accepted, Checked, Created, Gives, Held, Media, NoContent, Output, Page, Versioned, Written};
pub use self::page::Shown;
pub use self::principal::{Authority, Permission, Principal};
pub use self::progress::{Asker, Progress};
pub use self::reader::Reader;
pub(crate) use self::reader::accept_language;
pub use self::request::Request;
pub use self::request_id::RequestId;
pub use self::response::{
    Body, Response, html, json, problem_document, see_other, with_error, with_header, with_place,
};
pub use self::router::Router;
pub use self::takes::{Parameter, Takes};
pub use self::trace_context::TraceContext;
