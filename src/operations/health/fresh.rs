//! `?fresh=true`

use schemars::json_schema;

use crate::error::Result;
use crate::http::{FromQuery, Parameter, Values};

/// Whether dependencies are asked anew.
#[derive(Clone, Copy)]
pub(super) struct Fresh(pub(super) bool);

impl FromQuery for Fresh {
    const IS_STRICT: bool = false;

    fn parameters() -> Vec<Parameter> {
        const ABOUT: &str = "Checks the dependencies now, instead of saying what the last checks found.";
        vec![Parameter::new("fresh", ABOUT, json_schema!({ "type": "boolean" }))]
    }

    fn from_query(values: &Values) -> Result<Self> {
        Ok(Fresh(values.get("fresh") == Some("true")))
    }
}
