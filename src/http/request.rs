//! A request whose head is read, and whose body is not.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::request::Parts;
use hyper::body::Incoming;

use super::intake::Intake;
use crate::error::Error;

/// What an endpoint is given: the head, and the body that has not been read yet.
pub struct Request {
    /// The head.
    pub head: Parts,
    /// Why it is refused before anything of it is looked at.
    pub(super) refused: Option<Error>,
    /// The parts of the path that stand for something, by their name.
    pub(super) path: BTreeMap<String, String>,
    pub(super) body: Incoming,
    pub(super) intake: Arc<Intake>,
    /// Whether it is worked on in a place that clients share; see [`Endpoint::always`](super::Endpoint::always).
    pub(super) takes_place: bool,
}
