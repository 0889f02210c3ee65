//! The fields of a JSON object, read so that all of its faults are known at once.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::value::RawValue;

use super::{Fault, FaultCode};
use crate::error::{Error, FieldError, Result};
use crate::values::json::{self, NotText};

/// A name that an unknown field may have to be repeated to the client.
const MAX_SHOWN_NAME: usize = 64;
/// Unknown or repeated fields reported one by one; a body has no need of more.
const MAX_REPORTED: usize = 16;

/// The values of the fields that there may be, and the faults found so far.
pub struct Fields<'a, const N: usize> {
    names: &'static [&'static str; N],
    values: [Option<&'a RawValue>; N],
    faults: Vec<FieldError>,
}

impl<'a, const N: usize> Fields<'a, N> {
    /// Reads a JSON object in which each of these may come once, and nothing else.
    ///
    /// # Errors
    /// [`Error::MalformedJson`] with the position, or [`Error::Validation`] for what is no object.
    pub fn read(body: &'a [u8], names: &'static [&'static str; N]) -> Result<Self> {
        let mut fields = Fields { names, values: [None; N], faults: Vec::new() };
        if !json::read_object(body, |name, value| fields.take(name, value))? {
            fields.fault(String::new(), Fault::new(FaultCode::Type, "the body must be a JSON object"));
            return Err(Error::Validation(fields.faults));
        }
        Ok(fields)
    }

    fn take(&mut self, name: &str, value: &'a RawValue) {
        let fault = match self.names.iter().position(|known| *known == name) {
            None => Fault::new(FaultCode::Unknown, format!("is not a field; there are {}", listed(self.names))),
            Some(at) if self.values[at].is_some() => Fault::new(FaultCode::Repeated, "is given more than once"),
            Some(at) => return self.values[at] = Some(value),
        };
        if self.faults.len() < MAX_REPORTED {
            self.fault(shown(name), fault);
        }
    }

    /// The text of a field, as `parse` reads it; without one, a fault is noted.
    pub fn text<T>(&mut self, name: &'static str, parse: impl Fn(&str) -> std::result::Result<T, Fault>) -> Option<T> {
        match self.value(name) {
            Some(_) => self.text_if_any(name, parse),
            None => self.note(name, Err(Fault::new(FaultCode::Missing, "is required"))),
        }
    }

    /// The same where the field may be missing.
    pub fn text_if_any<T>(
        &mut self,
        name: &'static str,
        parse: impl Fn(&str) -> std::result::Result<T, Fault>,
    ) -> Option<T> {
        let read = match json::text(self.value(name)?) {
            Ok(text) => parse(&text),
            Err(NotText::OtherType) => Err(Fault::new(FaultCode::Type, "must be a string")),
            Err(NotText::Surrogate) => {
                Err(Fault::new(FaultCode::Format, "has half of a surrogate pair, which is no character"))
            }
        };
        self.note(name, read)
    }

    /// `true` or `false`, where the field is not missing.
    pub fn flag_if_any(&mut self, name: &'static str) -> Option<bool> {
        let read = match self.value(name)?.get() {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(Fault::new(FaultCode::Type, "must be true or false")),
        };
        self.note(name, read)
    }

    /// A field that could be read is at fault for another reason.
    pub fn refuse(&mut self, name: &'static str, fault: Fault) {
        self.fault(name.to_owned(), fault);
    }

    /// What was made of the fields, if all of it is there and nothing was at fault.
    ///
    /// # Errors
    /// [`Error::Validation`] with every fault of every field.
    pub fn finish<T>(self, made: Option<T>) -> Result<T> {
        match made {
            Some(made) if self.faults.is_empty() => Ok(made),
            _ => Err(Error::Validation(self.faults)),
        }
    }

    fn value(&self, name: &str) -> Option<&'a RawValue> {
        self.names.iter().position(|known| *known == name).and_then(|at| self.values[at])
    }

    fn note<T>(&mut self, name: &str, read: std::result::Result<T, Fault>) -> Option<T> {
        read.map_err(|fault| self.fault(name.to_owned(), fault)).ok()
    }

    fn fault(&mut self, field: String, fault: Fault) {
        self.faults.push(fault.of(field));
    }
}

/// A value that a field holds as a text.
pub trait FromText: Sized {
    /// Reads it.
    ///
    /// # Errors
    /// A [`Fault`] that says what is wrong, without the value.
    fn from_text(text: &str) -> std::result::Result<Self, Fault>;
}

/// A member of a JSON object: one that must be there, or, as an `Option`, may be missing.
pub trait Member: Sized {
    /// Reads it; where it is at fault, that is noted.
    fn read<const N: usize>(fields: &mut Fields<'_, N>, name: &'static str) -> Option<Self>;
}

impl<T: FromText> Member for T {
    fn read<const N: usize>(fields: &mut Fields<'_, N>, name: &'static str) -> Option<Self> {
        fields.text(name, T::from_text)
    }
}

impl<T: FromText> Member for Option<T> {
    fn read<const N: usize>(fields: &mut Fields<'_, N>, name: &'static str) -> Option<Self> {
        Some(fields.text_if_any(name, T::from_text))
    }
}

/// A value, or the `null` that takes away the one there is (JSON Merge Patch, RFC 7396).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrNull<T>(pub Option<T>);

impl<T: FromText> Member for Option<OrNull<T>> {
    fn read<const N: usize>(fields: &mut Fields<'_, N>, name: &'static str) -> Option<Self> {
        if fields.value(name).is_some_and(|value| value.get() == "null") {
            return Some(Some(OrNull(None)));
        }
        Some(fields.text_if_any(name, T::from_text).map(|value| OrNull(Some(value))))
    }
}

/// In words that tell it from a member that may be missing, and is never null.
impl<T: JsonSchema> JsonSchema for OrNull<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("{}OrNull", T::schema_name()).into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [generator.subschema_for::<T>(), { "type": "null" }] })
    }
}

impl Member for Option<bool> {
    fn read<const N: usize>(fields: &mut Fields<'_, N>, name: &'static str) -> Option<Self> {
        Some(fields.flag_if_any(name))
    }
}

/// Describes a type that is read from a text, and a text in JSON.
macro_rules! text_field {
    ($type:ty, $name:literal, $($schema:tt)+) => {
        impl $crate::values::FromText for $type {
            fn from_text(text: &str) -> std::result::Result<Self, $crate::values::Fault> {
                <$type>::parse(text)
            }
        }

        impl schemars::JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                $name.into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!($($schema)+)
            }
        }
    };
}

pub(crate) use text_field;

/// `a, b and c`
fn listed(names: &[&str]) -> String {
    match names {
        [before @ .., last] if !before.is_empty() => format!("{} and {last}", before.join(", ")),
        names => names.concat(),
    }
}

/// A field's name is the client's text: it is repeated only where it can be nothing but a name.
fn shown(name: &str) -> String {
    let plain = name.len() <= MAX_SHOWN_NAME && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b));
    if plain { name.into() } else { "(unnamed)".into() }
}
