//! The token of the operations listener.

use http::HeaderValue;

use super::service::{TOKEN, service};

/// Nothing but the token, behind the name of its scheme, opens what is not open to everybody.
pub fn check(input: &[u8]) {
    if HeaderValue::from_bytes(input).is_err() {
        return;
    }
    let service = service();
    let header = [b"Authorization: ".as_slice(), input].concat();
    for path in ["/config", "/metrics", "/errors", "/log-level"] {
        let answer = service.ask(service.ops, "GET", path, &[&header], b"");
        match answer.status {
            200 => assert!(is_right(input), "{path} was opened"),
            401 => assert!(input != format!("Bearer {TOKEN}").as_bytes(), "{path} was not opened"),
            400 | 431 => {}
            status => panic!("{status}: {}", answer.body),
        }
        assert!(!answer.body.contains(TOKEN), "{}", answer.body);
    }
    service.assert_unharmed();
}

fn is_right(input: &[u8]) -> bool {
    let words: Vec<&[u8]> = input.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).collect();
    matches!(words[..], [scheme, token] if scheme.eq_ignore_ascii_case(b"bearer") && token == TOKEN.as_bytes())
}
