//! The database's address, which may hold a password.

use neodyme::config::DatabaseUrl;

/// Any text is read or refused, and no password is shown of what is accepted.
pub fn check(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    if let Ok(url) = DatabaseUrl::parse(&text) {
        assert_hidden(&url);
    }
}

fn assert_hidden(url: &DatabaseUrl) {
    let shown = url.to_string();
    assert_eq!(format!("{url:?}"), format!("DatabaseUrl({shown})"));
    // What is shown names no password, read as an address again.
    if let Ok(again) = DatabaseUrl::parse(&shown) {
        assert!(again.password().is_none_or(|password| password.expose() == "***"), "{shown}");
    }
}
