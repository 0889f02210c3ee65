//! Whatever happens, the recorder of errors keeps to its bound. A file of its own: it measures its process.

#![allow(clippy::unwrap_used, reason = "a test ends by panicking")]

use std::time::Duration;

use neodyme::error::{Error, ErrorCode};
use neodyme::telemetry::errors::{self, MEMORY_BOUND, Occurrence, SAMPLES};
use uuid::Uuid;

/// Bytes of this process in memory.
fn resident() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

const ERRORS: usize = 100_000;

/// Errors of a type, each of which hits another user.
fn flood(code: ErrorCode) {
    let error = Error::Timeout(Duration::from_secs(15));
    let mut user = Uuid::nil().as_u128();
    for _ in 0..ERRORS {
        user = user.wrapping_mul(0x2360_ed05_1fc6_5da4_4385_df64_9fcc_f645).wrapping_add(1);
        let id = Uuid::from_u128(user);
        let text = id.to_string();
        errors::record(&Occurrence {
            subject: Some(&text),
            user_id: Some(id),
            request_id: Some(&text),
            trace_id: Some(&text),
            ..Occurrence::of(code, &error, "/users/")
        });
    }
}

#[test]
fn a_flood_of_errors_of_every_type_stays_within_the_bound() {
    neodyme::telemetry::metrics::init();
    neodyme::telemetry::metrics::init_error_users([7; 16]);
    errors::recorder();
    let before = resident();
    std::thread::scope(|scope| {
        for codes in ErrorCode::ALL.chunks(ErrorCode::ALL.len().div_ceil(4)) {
            scope.spawn(|| codes.iter().for_each(|code| flood(*code)));
        }
    });
    let grown = resident().saturating_sub(before);
    // Beside the samples there are the stacks and the heaps of the threads.
    assert!(grown < MEMORY_BOUND + 4 * 1024 * 1024, "{grown} bytes of {MEMORY_BOUND}");
    for code in ErrorCode::ALL {
        let history = errors::recorder().history(*code);
        assert_eq!((history.count, history.samples.len()), (ERRORS as u64, SAMPLES));
    }
}
