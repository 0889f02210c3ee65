//! The database's address, which may hold a password.

use neodyme::config::DatabaseUrl;

use super::shown::{assert_presentable, assert_tidy};

/// What is shown of an address that is accepted is an address itself, without the password.
pub fn check(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    match DatabaseUrl::parse(&text) {
        Ok(url) => assert_hidden(&url),
        // It repeats the names, which are words, and lists those that there are.
        Err(fault) if fault.starts_with("has the parameter") => assert_tidy(&fault, 1000),
        Err(fault) => assert_presentable(&fault, 300),
    }
}

fn assert_hidden(url: &DatabaseUrl) {
    let shown = url.to_string();
    assert_eq!(format!("{url:?}"), format!("DatabaseUrl({shown})"));
    if let DatabaseUrl::Postgres(_) = url {
        let again = DatabaseUrl::parse(&shown).expect("what is shown is accepted");
        assert_eq!(again.to_string(), shown);
        // An empty password is hidden as well.
        assert!(again.password().is_some() || url.password().is_none(), "{shown}");
        assert!(again.password().is_none_or(|password| password.expose() == "***"), "{shown}");
        assert_eq!(again.is_plain_text_to_another_host(), url.is_plain_text_to_another_host(), "{shown}");
    }
}
