//! The language of a user, as a field of a body.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::{Fault, FaultCode, FromText};
use crate::language::{LONGEST, Language, PATTERN};

impl FromText for Language {
    fn from_text(text: &str) -> Result<Self, Fault> {
        let (long, other) = (text.len() > LONGEST, "must be the tag of a language, such as de, en-GB or zh-Hant-TW");
        Language::parse(text).map_err(|_| match long {
            true => Fault::new(FaultCode::TooLong, format!("must have at most {LONGEST} characters")),
            false => Fault::new(FaultCode::Format, other),
        })
    }
}

impl JsonSchema for Language {
    fn schema_name() -> Cow<'static, str> {
        "Language".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": PATTERN, "maxLength": LONGEST })
    }
}
