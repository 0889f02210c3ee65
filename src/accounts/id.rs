//! The `{id}` of a path.

use uuid::Uuid;

use super::query::id_schema;
use crate::http::{FromPath, Parameter, Values};

/// The id of what is at a path. At a text that is none, there is nothing.
pub(super) struct PathId(pub(super) Uuid);

impl FromPath for PathId {
    fn parts() -> Vec<Parameter> {
        vec![Parameter::new("id", "Its id.", id_schema())]
    }

    fn from_path(texts: &Values) -> Option<Self> {
        Uuid::parse_str(texts.get("id")?).ok().map(PathId)
    }
}
