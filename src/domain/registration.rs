//! The body of a registration, read so that all of its faults are known at once.

use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

use super::{Email, Fault, FullName, Password};
use crate::error::{Error, FieldError, Result};

/// A name that an unknown field may have to be repeated to the client.
const MAX_SHOWN_NAME: usize = 64;
/// Unknown or repeated fields reported one by one; a body has no need of more.
const MAX_REPORTED: usize = 16;

/// A valid registration.
#[derive(Clone, Debug)]
pub struct Registration {
    /// Whom the user is.
    pub email: Email,
    /// How the user is called.
    pub full_name: FullName,
    /// What only the user knows.
    pub password: Password,
}

impl Registration {
    /// Reads a JSON body.
    ///
    /// # Errors
    /// [`Error::MalformedJson`] with the position, or [`Error::Validation`] with every fault of every field.
    pub fn parse(body: &[u8]) -> Result<Self> {
        let fields: Fields = serde_json::from_slice(body)
            .map_err(|error| Error::MalformedJson { line: error.line(), column: error.column() })?;
        let mut faults = fields.faults;
        if fields.is_object {
            let email = field("email", fields.email, Email::parse, &mut faults);
            let full_name = field("full_name", fields.full_name, FullName::parse, &mut faults);
            let password = field("password", fields.password, Password::parse, &mut faults);
            if let (Some(email), Some(full_name), Some(password), true) =
                (email, full_name, password, faults.is_empty())
            {
                return Ok(Registration { email, full_name, password });
            }
        }
        Err(Error::Validation(faults))
    }
}

/// Reads one field, or notes its fault.
fn field<T>(
    name: &'static str,
    value: Option<Value>,
    parse: impl Fn(&str) -> std::result::Result<T, Fault>,
    faults: &mut Vec<FieldError>,
) -> Option<T> {
    let parsed = match value {
        None => Err(Fault::new("missing", "is required")),
        Some(Value::String(text)) => parse(&text),
        Some(_) => Err(Fault::new("type", "must be a string")),
    };
    parsed
        .map_err(|fault| faults.push(FieldError { field: name.into(), code: fault.code, message: fault.message }))
        .ok()
}

/// The fields as they came, with the faults of the body's shape.
#[derive(Default)]
struct Fields {
    is_object: bool,
    email: Option<Value>,
    full_name: Option<Value>,
    password: Option<Value>,
    faults: Vec<FieldError>,
}

impl Fields {
    fn slot(&mut self, name: &str) -> Option<&mut Option<Value>> {
        match name {
            "email" => Some(&mut self.email),
            "full_name" => Some(&mut self.full_name),
            "password" => Some(&mut self.password),
            _ => None,
        }
    }

    fn fault(&mut self, field: &str, code: &'static str, message: &str) {
        if self.faults.len() < MAX_REPORTED {
            self.faults.push(FieldError { field: shown(field), code, message: message.into() });
        }
    }

    fn not_an_object() -> Self {
        let mut fields = Fields::default();
        fields.fault("", "type", "the body must be a JSON object");
        fields
    }
}

/// A field's name is the client's text: it is repeated only where it can be nothing but a name.
fn shown(name: &str) -> String {
    let plain = name.len() <= MAX_SHOWN_NAME && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b));
    if plain { name.into() } else { "(unnamed)".into() }
}

impl<'de> serde::Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_any(FieldsVisitor)
    }
}

struct FieldsVisitor;

/// Any JSON value but an object is read to its end, so that malformed JSON is told from a wrong type.
macro_rules! not_an_object {
    ($($visit:ident: $value:ty),+) => {
        $(fn $visit<E>(self, _: $value) -> std::result::Result<Fields, E> { Ok(Fields::not_an_object()) })+
    };
}

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Fields, A::Error> {
        let mut fields = Fields { is_object: true, ..Fields::default() };
        while let Some(name) = map.next_key::<String>()? {
            match fields.slot(&name) {
                Some(slot @ None) => *slot = Some(map.next_value()?),
                Some(Some(_)) => {
                    map.next_value::<IgnoredAny>()?;
                    fields.fault(&name, "repeated", "is given more than once");
                }
                None => {
                    map.next_value::<IgnoredAny>()?;
                    fields.fault(&name, "unknown", "is not a field; there are email, full_name and password");
                }
            }
        }
        Ok(fields)
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> std::result::Result<Fields, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Fields::not_an_object())
    }

    fn visit_unit<E>(self) -> std::result::Result<Fields, E> {
        Ok(Fields::not_an_object())
    }

    not_an_object!(visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_str: &str);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn faults(body: &str) -> Vec<(String, &'static str)> {
        match Registration::parse(body.as_bytes()) {
            Err(Error::Validation(faults)) => faults.into_iter().map(|fault| (fault.field, fault.code)).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_valid_body_is_read() {
        let body = br#"{"email":"Jo@Example.com","full_name":" Jo Doe ","password":"correct horse"}"#;
        let registration = Registration::parse(body).unwrap();
        assert_eq!(registration.email.expose(), "Jo@example.com");
        assert_eq!(registration.full_name.expose(), "Jo Doe");
    }

    #[test]
    fn all_faults_are_reported_together() {
        let body = r#"{"email":"x","full_name":7,"admin":true,"email":"y"}"#;
        let expected = [
            ("admin", "unknown"),
            ("email", "repeated"),
            ("email", "format"),
            ("full_name", "type"),
            ("password", "missing"),
        ];
        assert_eq!(faults(body), expected.map(|(field, code)| (field.to_owned(), code)));
    }

    #[test]
    fn what_is_not_an_object_is_a_fault_of_the_body() {
        for body in ["[]", "[1,{}]", "null", "true", "7", "-7", "0.5", "\"x\""] {
            assert_eq!(faults(body), [(String::new(), "type")], "{body}");
        }
    }

    #[test]
    fn malformed_json_has_a_position() {
        for (body, at) in [("{\n  \"email\": x}", (2, 12)), ("", (1, 0)), ("{} x", (1, 4)), ("[1,", (1, 3))] {
            match Registration::parse(body.as_bytes()) {
                Err(Error::MalformedJson { line, column }) => assert_eq!((line, column), at, "{body}"),
                other => panic!("{body}: {other:?}"),
            }
        }
    }

    #[test]
    fn an_unknown_name_is_shown_only_if_it_is_a_name() {
        assert_eq!(faults(r#"{"my secret!":1}"#)[0].0, "(unnamed)");
        let many: String = (0..100).map(|i| format!("\"x{i}\":1,")).collect();
        assert!(faults(&format!("{{{many}\"y\":1}}")).len() <= MAX_REPORTED + 3);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(body in proptest::collection::vec(any::<u8>(), 0..600)) {
            let _ = Registration::parse(&body);
        }

        #[test]
        fn no_value_is_echoed(value in "[a-z]{12,40}") {
            let body = serde_json::json!({ "email": value, "full_name": format!("{value}\n"), "password": [value] });
            let Err(Error::Validation(faults)) = Registration::parse(body.to_string().as_bytes()) else { panic!() };
            prop_assert!(!serde_json::to_string(&faults).unwrap().contains(&value));
        }
    }
}
