//! The body of `PUT /log-level`.

use super::service::{TOKEN, service};

/// A change is made, or refused in words that do not repeat it.
pub fn check(input: &[u8]) {
    let service = service();
    let token = format!("Authorization: Bearer {TOKEN}");
    let headers: [&[u8]; 2] = [token.as_bytes(), b"Content-Type: application/json"];
    let answer = service.ask(service.ops, "PUT", "/log-level", &headers, input);
    assert!([200, 400, 413, 422].contains(&answer.status), "{}: {}", answer.status, answer.body);
    if answer.status == 200 {
        // Back to a log that nobody has to read.
        let quiet = br#"{"logger":"*","level":"critical","for":"1h"}"#;
        assert_eq!(service.ask(service.ops, "PUT", "/log-level", &headers, quiet).status, 200);
    }
    service.assert_unharmed();
}
