//! What an endpoint takes of a request: for its description, and for what is looked at before the request counts.

use http::request::Parts;
use schemars::{Schema, SchemaGenerator};

use crate::error::{ErrorCode, Result};

/// What an endpoint takes, for its description.
#[derive(Default)]
pub struct Takes {
    /// The parts of the path that stand for something.
    pub path: Vec<Parameter>,
    /// The parameters of the query.
    pub query: Vec<Parameter>,
    /// Headers that change what is done.
    pub headers: Vec<Parameter>,
    /// Whether a query can be refused.
    pub is_strict: bool,
    /// The JSON body.
    pub body: Option<fn(&mut SchemaGenerator) -> Schema>,
    /// Whether there may be none.
    pub may_lack_body: bool,
    /// What is looked at of the head before the request counts against the limit of its client: for what a client may not know
    /// that it sends, since a page of another site has its browser do so.
    pub checks: Vec<Check>,
}

/// What a head must be like.
pub type Check = fn(&Parts) -> Result<()>;

/// A part of the path, or a parameter of the query.
#[derive(Clone)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// What it is, in a sentence.
    pub about: &'static str,
    /// Its form.
    pub schema: Schema,
}

impl Parameter {
    /// A parameter of this name and form.
    pub fn new(name: &'static str, about: &'static str, schema: Schema) -> Self {
        Parameter { name, about, schema }
    }
}

impl Takes {
    /// How a client can fail to give it.
    pub(super) fn errors(&self) -> Vec<ErrorCode> {
        const BODY: [ErrorCode; 5] = [
            ErrorCode::MalformedJson,
            ErrorCode::BodyIncomplete,
            ErrorCode::BodyTooLarge,
            ErrorCode::UnsupportedMediaType,
            ErrorCode::ValidationFailed,
        ];
        let mut errors = Vec::new();
        if !self.path.is_empty() {
            errors.push(ErrorCode::NotFound);
        }
        if self.is_strict {
            errors.push(ErrorCode::InvalidParameter);
        }
        if self.body.is_some() {
            errors.extend(BODY);
        }
        errors
    }

    /// What a head is not like that it must be like.
    pub(super) fn check(&self, head: &Parts) -> Result<()> {
        self.checks.iter().try_for_each(|check| check(head))
    }

    pub(super) fn and(mut self, other: Takes) -> Takes {
        self.path.extend(other.path);
        self.query.extend(other.query);
        self.headers.extend(other.headers);
        self.checks.extend(other.checks);
        let may_lack_body = self.may_lack_body || other.may_lack_body;
        Takes { is_strict: self.is_strict || other.is_strict, body: self.body.or(other.body), may_lack_body, ..self }
    }
}
