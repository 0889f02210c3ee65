//! Waiting for what is asynchronous, and for no longer than anything may take.

use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

/// Far more than any input needs: what takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(20);

thread_local! {
    static RUNTIME: Runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
}

/// Waits for the end of the work; fails if it does not come.
pub fn block_on<T>(work: impl Future<Output = T>) -> T {
    RUNTIME.with(|runtime| runtime.block_on(async { timeout(PATIENCE, work).await.expect("it comes to an end") }))
}
