//! The body of a registration, read so that all of its faults are known at once.

use crate::error::Result;
use crate::http::json_body;
use crate::language::Language;
use crate::password_policy::PasswordPolicy;
use crate::values::{Email, FullName, NewPassword};

json_body! {
    /// A valid registration.
    pub struct Registration {
        /// Whom the user is.
        pub email: Email = "email",
        /// How the user is called.
        pub full_name: FullName = "full_name",
        /// What only the user knows: at least 15 characters (NFC), or as many as `password_min_characters` says. What is common,
        /// leaked or repetitive is refused, and what is made of the address or the name.
        pub password: NewPassword = "password",
        /// What the user is written to in. Without it, the best of `Accept-Language` that there are emails in.
        pub locale: Option<Language> = "locale",
    }
}

impl Registration {
    /// Reads a JSON body, and holds its password to the policy.
    ///
    /// # Errors
    /// [`Error::MalformedJson`](crate::error::Error::MalformedJson) with the position, or
    /// [`Error::Validation`](crate::error::Error::Validation) with every fault of every field.
    pub fn parse(body: &[u8], policy: &PasswordPolicy) -> Result<Self> {
        Self::from_json_and(body, |email, full_name, password, _locale| {
            let about = [email.map(Email::expose), full_name.map(FullName::expose)].map(Option::unwrap_or_default);
            policy.check(password?, &about).err().map(|fault| ("password", fault))
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::{Config, Sources};
    use crate::error::Error;

    fn parse(body: &[u8]) -> Result<Registration> {
        Registration::parse(body, &PasswordPolicy::new(&Config::load(&Sources::default()).unwrap()))
    }

    fn faults(body: &str) -> Vec<(String, &'static str)> {
        match parse(body.as_bytes()) {
            Err(Error::Validation(faults)) => faults.into_iter().map(|fault| (fault.field, fault.code)).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_valid_body_is_read() {
        let body = br#"{"email":"Jo@Example.com","full_name":" Jo Doe ","password":"correct horse battery"}"#;
        let registration = parse(body).unwrap();
        assert_eq!(registration.email.expose(), "Jo@example.com");
        assert_eq!(registration.full_name.expose(), "Jo Doe");
        assert_eq!(registration.locale, None);
    }

    #[test]
    fn a_language_may_be_given_and_must_be_one() {
        let with = |locale: &str| {
            format!(
                r#"{{"email":"jo@example.com","full_name":"Jo","password":"correct horse battery","locale":{locale}}}"#
            )
        };
        assert_eq!(parse(with("\"de-at\"").as_bytes()).unwrap().locale, Language::parse("de-AT").ok());
        let long = format!("\"de-{}\"", "abcdefgh-".repeat(4));
        for (locale, code) in
            [("\"German\"", "format"), ("\"\"", "format"), ("7", "type"), ("null", "type"), (&long, "too_long")]
        {
            assert_eq!(faults(&with(locale)), [("locale".to_owned(), code)], "{locale}");
        }
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
    fn the_faults_of_the_password_come_with_those_of_the_other_fields() {
        for (password, code) in
            [("otters", "too_short"), ("passwordpassword", "common"), ("ada-neodyme-1234", "personal")]
        {
            let body = format!(r#"{{"email":"ada@example.com","full_name":"","password":"{password}"}}"#);
            assert_eq!(faults(&body), [("full_name".to_owned(), "too_short"), ("password".to_owned(), code)]);
        }
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
            let body = format!(r#"{{"email":{value},"full_name":"A","password":"long enough for us","x":{value}}}"#);
            let expected = [("x", "unknown"), ("email", "type")].map(|(field, code)| (field.to_owned(), code));
            assert_eq!(faults(&body), expected, "{value}");
        }
        let body = r#"{"email":"\ud800@example.com","full_name":"\udc00","password":"\ud83dlong enough","\ud800":1}"#;
        let expected = [("(unnamed)", "unknown"), ("email", "format"), ("full_name", "format"), ("password", "format")];
        assert_eq!(faults(body), expected.map(|(field, code)| (field.to_owned(), code)));
    }

    #[test]
    fn malformed_json_has_a_position() {
        match parse(b"{\n  \"email\": x}") {
            Err(Error::MalformedJson { line, column }) => assert_eq!((line, column), (2, 12)),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_unknown_name_is_shown_only_if_it_is_a_name() {
        assert_eq!(faults(r#"{"my secret!":1}"#)[0].0, "(unnamed)");
        let many: String = (0..100).map(|i| format!("\"x{i}\":1,")).collect();
        assert!(faults(&format!("{{{many}\"y\":1}}")).len() <= 16 + 3);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(body in proptest::collection::vec(any::<u8>(), 0..600)) {
            let _ = parse(&body);
        }

        #[test]
        fn no_value_is_echoed(value in "[a-z]{12,40}") {
            let body = serde_json::json!({ "email": value, "full_name": format!("{value}\n"), "password": [value] });
            let Err(Error::Validation(faults)) = parse(body.to_string().as_bytes()) else { panic!() };
            prop_assert!(!serde_json::to_string(&faults).unwrap().contains(&value));
        }
    }
}
