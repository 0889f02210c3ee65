//! Old rows are removed in batches, so that a registration never waits long behind them.

use std::time::Duration;

use crate::error::Result;

/// Rows removed at once.
const BATCH: usize = 200;
/// Between two batches.
const PAUSE: Duration = Duration::from_millis(50);

/// Removes at most so many rows at a time, until a batch is not full. Says how many there were in all.
///
/// # Errors
/// When a batch fails; those before it are removed.
pub async fn in_batches<F: Future<Output = Result<usize>>>(remove: impl Fn(usize) -> F) -> Result<usize> {
    let mut removed = 0;
    loop {
        let batch = remove(BATCH).await?;
        removed += batch;
        if batch < BATCH {
            return Ok(removed);
        }
        tokio::time::sleep(PAUSE).await;
    }
}
