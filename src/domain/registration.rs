//! The body of a registration, read so that all of its faults are known at once.

use serde_json::value::RawValue;

use super::{Email, Fault, FullName, Password};
use crate::error::{Error, FieldError, Result};
use crate::json::{self, NotText};

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
        let mut fields = Fields::default();
        if !json::read_object(body, |name, value| fields.take(name, value))? {
            fields.fault("", "type", "the body must be a JSON object");
            return Err(Error::Validation(fields.faults));
        }
        let mut faults = fields.faults;
        let email = field("email", fields.email, Email::parse, &mut faults);
        let full_name = field("full_name", fields.full_name, FullName::parse, &mut faults);
        let password = field("password", fields.password, Password::parse, &mut faults);
        match (email, full_name, password) {
            (Some(email), Some(full_name), Some(password)) if faults.is_empty() => {
                Ok(Registration { email, full_name, password })
            }
            _ => Err(Error::Validation(faults)),
        }
    }
}

/// Reads one field, or notes its fault.
fn field<T>(
    name: &'static str,
    value: Option<&RawValue>,
    parse: impl Fn(&str) -> std::result::Result<T, Fault>,
    faults: &mut Vec<FieldError>,
) -> Option<T> {
    let parsed = match value.map(json::text) {
        None => Err(Fault::new("missing", "is required")),
        Some(Ok(text)) => parse(&text),
        Some(Err(NotText::OtherType)) => Err(Fault::new("type", "must be a string")),
        Some(Err(NotText::Surrogate)) => {
            Err(Fault::new("format", "has half of a surrogate pair, which is no character"))
        }
    };
    parsed
        .map_err(|fault| faults.push(FieldError { field: name.into(), code: fault.code, message: fault.message }))
        .ok()
}

/// The fields as they came, with the faults of the body's shape.
#[derive(Default)]
struct Fields<'a> {
    email: Option<&'a RawValue>,
    full_name: Option<&'a RawValue>,
    password: Option<&'a RawValue>,
    faults: Vec<FieldError>,
}

impl<'a> Fields<'a> {
    fn take(&mut self, name: &str, value: &'a RawValue) {
        let slot = match name {
            "email" => &mut self.email,
            "full_name" => &mut self.full_name,
            "password" => &mut self.password,
            _ => return self.fault(name, "unknown", "is not a field; there are email, full_name and password"),
        };
        match slot {
            Some(_) => self.fault(name, "repeated", "is given more than once"),
            None => *slot = Some(value),
        }
    }

    fn fault(&mut self, field: &str, code: &'static str, message: &str) {
        if self.faults.len() < MAX_REPORTED {
            self.faults.push(FieldError { field: shown(field), code, message: message.into() });
        }
    }
}

/// A field's name is the client's text: it is repeated only where it can be nothing but a name.
fn shown(name: &str) -> String {
    let plain = name.len() <= MAX_SHOWN_NAME && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b));
    if plain { name.into() } else { "(unnamed)".into() }
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
        for body in ["[]", "[1,{}]", "null", "true", "7", "-7", "0.5", "1e400", "\"x\"", "\"\\ud800\""] {
            assert_eq!(faults(body), [(String::new(), "type")], "{body}");
        }
    }

    #[test]
    fn a_value_that_no_field_can_have_is_a_fault_of_its_field() {
        let deep = format!("{}{}", "[".repeat(1000), "]".repeat(1000));
        for value in ["1e400", "-1e400", "123456789012345678901234567890", "null", "[1e400]", "{\"a\":1e400}", &deep] {
            let body = format!(r#"{{"email":{value},"full_name":"A","password":"long enough","x":{value}}}"#);
            let expected = [("x", "unknown"), ("email", "type")].map(|(field, code)| (field.to_owned(), code));
            assert_eq!(faults(&body), expected, "{value}");
        }
        let body = r#"{"email":"\ud800@example.com","full_name":"\udc00","password":"\ud83dlong enough","\ud800":1}"#;
        let expected = [("(unnamed)", "unknown"), ("email", "format"), ("full_name", "format"), ("password", "format")];
        assert_eq!(faults(body), expected.map(|(field, code)| (field.to_owned(), code)));
    }

    #[test]
    fn malformed_json_has_a_position() {
        match Registration::parse(b"{\n  \"email\": x}") {
            Err(Error::MalformedJson { line, column }) => assert_eq!((line, column), (2, 12)),
            other => panic!("{other:?}"),
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
