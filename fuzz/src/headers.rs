//! The headers that neodyme itself reads: a request id, a trace, what the client accepts.

use http::HeaderValue;
use neodyme::http::{RequestId, TraceContext};
use neodyme::values::accept::{prefers_html, quality};
use uuid::Uuid;

/// Whatever came, the ids are valid and can be sent on; a wish is fulfilled or ignored.
pub fn check(input: &[u8]) {
    let header = HeaderValue::from_bytes(input).ok();
    assert_request_id(header.as_ref());
    assert_trace(header.as_ref());
    let wish = String::from_utf8_lossy(input);
    let best = quality(&wish, |_| true);
    assert!((0.0..=1.0).contains(&best), "a quality of {best}");
    if prefers_html(&wish) == Some(true) {
        let wish = wish.to_ascii_lowercase();
        assert!(wish.contains("html") || wish.contains("text/*"), "{wish}");
    }
}

fn assert_request_id(header: Option<&HeaderValue>) {
    let id = RequestId::from_header(header, [7; 16]);
    let is_kept = header.is_some_and(|header| header.as_bytes() == id.as_str().as_bytes());
    assert!(is_kept || Uuid::try_parse(id.as_str()).is_ok(), "{id}");
    // It stands in headers, logs, queries and command lines as it is.
    let is_unsafe = |c: char| !c.is_ascii_graphic() || r#""'`<>()[]{}\|&;?*$!%^"#.contains(c);
    assert!((1..=128).contains(&id.as_str().len()) && !id.as_str().contains(is_unsafe), "{id}");
    let domain = id.as_str().split_once('@').map(|(_, domain)| domain);
    assert!(domain.is_none_or(|domain| !domain.contains('.')), "an address is kept: {id}");
    let sent_on = HeaderValue::from_str(id.as_str()).expect("an id fits into a header");
    assert!(RequestId::from_header(Some(&sent_on), [8; 16]) == id, "{id} is not kept");
}

fn assert_trace(header: Option<&HeaderValue>) {
    let trace = TraceContext::from_header(header, [1; 16], [2; 8]);
    let sent_on = HeaderValue::from_str(&trace.traceparent()).expect("a trace fits into a header");
    assert_eq!(TraceContext::from_header(Some(&sent_on), [3; 16], [2; 8]), trace);
}
