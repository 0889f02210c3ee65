//! What a client sends over HTTP/1: heads and bodies, whole and broken off.

use super::service::{assert_answer, service};

/// Each listener answers or hangs up, and serves others as before.
pub fn check(input: &[u8]) {
    let service = service();
    for listener in [service.api, service.ops] {
        assert_answer(&service.hang_up_after(listener, input));
    }
    service.assert_unharmed();
}
