//! The body of a registration.

use std::sync::OnceLock;

use neodyme::accounts::registration::Registration;
use neodyme::error::{Error, FieldError};
use neodyme::password_policy::PasswordPolicy;
use serde_json::{Value, json};

use super::configuration;
use super::shown::{assert_no_canary, assert_presentable};

/// A valid body says the same when it is written again; a refused one is explained without its values.
pub fn check(input: &[u8]) {
    match Registration::parse(input, policy()) {
        Ok(registration) => assert_same_again(&registration),
        Err(Error::Validation(faults)) => assert_explained(&faults),
        Err(Error::MalformedJson { line, .. }) => {
            let lines = 1 + input.iter().filter(|byte| **byte == b'\n').count();
            assert!((1..=lines).contains(&line), "line {line} of {lines}");
        }
        Err(error) => assert_presentable(&error.to_string(), 500),
    }
}

fn assert_same_again(registration: &Registration) {
    let Registration { email, full_name, password, locale } = registration;
    let text = std::str::from_utf8(password.as_password().expose()).expect("a password is text");
    let mut body = json!({ "password": text, "email": email.expose(), "full_name": full_name.expose() });
    if let Some(locale) = locale {
        body["locale"] = locale.as_str().into();
    }
    let again =
        Registration::parse(body.to_string().as_bytes(), policy()).expect("what was accepted is accepted again");
    assert_eq!((&again.email, &again.full_name, &again.locale), (email, full_name, locale));
    assert_eq!(again.password.as_password().expose(), password.as_password().expose());
    assert!(serde_json::from_slice::<Value>(body.to_string().as_bytes()).is_ok_and(|body| body.is_object()));
}

/// What is asked of passwords where nothing is set.
pub fn policy() -> &'static PasswordPolicy {
    static POLICY: OnceLock<PasswordPolicy> = OnceLock::new();
    POLICY.get_or_init(|| PasswordPolicy::new(&configuration::with(&[])))
}

fn assert_explained(faults: &[FieldError]) {
    assert!((1..=32).contains(&faults.len()), "{} faults", faults.len());
    for FieldError { field, message, .. } in faults {
        assert!(field.len() <= 64 && field.chars().all(|c| c.is_ascii_graphic() || c == ' '), "{field:?}");
        assert_presentable(message, 200);
    }
    // A field that does not exist may be named.
    let messages: Vec<&String> = faults.iter().map(|fault| &fault.message).collect();
    assert_no_canary(&format!("{messages:?}"));
}
