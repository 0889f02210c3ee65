//! The path of a request: who asks, what is asked, the limits, the answer, and the one observer that sees it all.

mod access;
mod body;
mod client_address;
mod context;
mod host;
mod observer;
mod progress;
mod request_id;
mod response;
mod router;
mod trace_context;

pub use self::access::{Access, Guard};
pub use self::body::Intake;
pub use self::client_address::is_trusted;
pub use self::context::Context;
pub use self::observer::Service;
pub use self::progress::{Asker, Progress};
pub use self::request_id::RequestId;
pub use self::response::{Body, Response, html, json, problem_document, with_header, with_place};
pub use self::router::{Handler, Request, Route, Router};
pub use self::trace_context::TraceContext;
