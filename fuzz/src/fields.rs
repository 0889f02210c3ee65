//! The values of a registration: an address, a name, a password.

use neodyme::values::{Email, FullName, NewPassword, Password};

use super::body::policy;
use super::shown::{CANARY, assert_presentable};

/// What is accepted is safe in a header, stays as it is when it is read again, and is not printed.
pub fn check(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    match Email::parse(&text) {
        Ok(email) => assert_address(&email),
        Err(fault) => assert_presentable(&fault.message, 200),
    }
    match FullName::parse(&text) {
        Ok(name) => assert_name(&name),
        Err(fault) => assert_presentable(&fault.message, 200),
    }
    match Password::parse(&text) {
        Ok(password) => assert_password(&password),
        Err(fault) => assert_presentable(&fault.message, 200),
    }
    let chosen = NewPassword::parse(&text).and_then(|password| policy().check(&password, &[&text]).map(|()| password));
    match chosen {
        Ok(password) => assert_password(password.as_password()),
        Err(fault) => assert_presentable(&fault.message, 200),
    }
}

fn assert_address(email: &Email) {
    let (address, key) = (email.expose(), email.key());
    assert!(address.len() <= 254 && !address.contains(char::is_control), "{address:?}");
    let again = Email::parse(address).expect("what was accepted is accepted again");
    assert_eq!((again.expose(), again.key()), (address, key));
    let (local, domain) = address.rsplit_once('@').expect("an address has an @");
    assert!(domain.is_ascii() && domain == domain.to_ascii_lowercase(), "{domain:?}");
    assert!(key.ends_with(domain), "{key:?} is not at {domain:?}");
    let first: String = local.chars().take(1).collect();
    assert_eq!(format!("{email:?}"), format!("{first}***@{domain}"));
}

fn assert_name(name: &FullName) {
    let text = name.expose();
    assert!((1..=255).contains(&text.chars().count()) && !text.contains(char::is_control), "{text:?}");
    assert_eq!(text, text.trim());
    assert_eq!(&FullName::parse(text).expect("what was accepted is accepted again"), name);
    assert!(!format!("{name:?}").contains(CANARY));
}

fn assert_password(password: &Password) {
    let text = std::str::from_utf8(password.expose()).expect("a password is text");
    assert!((1..=128).contains(&text.chars().count()), "{} characters", text.chars().count());
    let again = Password::parse(text).expect("what was accepted is accepted again");
    assert_eq!(again.expose(), password.expose());
    let forms: Vec<Password> = password.stored_forms().collect();
    assert!((1..=3).contains(&forms.len()) && forms[0].expose() == password.expose(), "{} forms", forms.len());
    assert!(!format!("{password:?}").contains(CANARY));
}
