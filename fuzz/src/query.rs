//! The query of a URL.

use std::fmt::Write;

use serde_json::Value;

use super::service::{TOKEN, service};

/// A query filters, or is refused in words that do not repeat it.
pub fn check(input: &[u8]) {
    let (service, query) = (service(), encoded(input));
    let token = format!("Authorization: Bearer {TOKEN}");
    let headers: [&[u8]; 2] = [token.as_bytes(), b"Accept: application/json"];
    let errors = service.ask(service.ops, "GET", &format!("/errors?{query}"), &headers, b"");
    assert!([200, 400, 414, 431].contains(&errors.status), "{}: {}", errors.status, errors.body);
    if errors.status == 200 {
        let report: Value = serde_json::from_str(&errors.body).unwrap_or_else(|e| panic!("{e}: {}", errors.body));
        assert!(report["errors"].is_array(), "{report}");
    }
    let health = service.ask(service.ops, "GET", &format!("/health/ready?{query}"), &[], b"");
    assert!([200, 400, 414, 431].contains(&health.status), "{}: {}", health.status, health.body);
    service.assert_unharmed();
}

/// What cannot stand in a URL, and would be part of another test, is percent-encoded.
fn encoded(input: &[u8]) -> String {
    input.iter().fold(String::new(), |mut query, byte| {
        let _ = match byte {
            0x21..=0x7e if *byte != b'#' => write!(query, "{}", char::from(*byte)),
            _ => write!(query, "%{byte:02X}"),
        };
        query
    })
}
