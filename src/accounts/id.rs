//! The `{id}` of a path.

use schemars::json_schema;
use uuid::Uuid;

use crate::http::{FromPath, Parameter, Values};

/// The id of what is at a path. At a text that is none, there is nothing.
pub(super) struct PathId(pub(super) Uuid);

impl FromPath for PathId {
    fn parts() -> Vec<Parameter> {
        vec![Parameter { name: "id", about: "Its id.", schema: json_schema!({ "type": "string", "format": "uuid" }) }]
    }

    fn from_path(texts: &Values) -> Option<Self> {
        Uuid::parse_str(texts.get("id")?).ok().map(PathId)
    }
}
