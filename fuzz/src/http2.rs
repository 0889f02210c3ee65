//! What a client sends over HTTP/2: frames, in order and out of it.

use super::service::service;

/// What each client begins with (RFC 9113, 3.4), and settings that are empty.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00";

/// Each listener hangs up in the end, and serves others as before.
pub fn check(input: &[u8]) {
    let service = service();
    for listener in [service.api, service.ops] {
        service.hang_up_after(listener, &[PREFACE, input].concat());
    }
    service.assert_unharmed();
}
