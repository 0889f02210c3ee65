//! A limit of time that counts only while this process runs.

use std::pin::pin;
use std::time::Duration;

use tokio::time::Instant;
use tokio::time::error::Elapsed;

/// A timer that is so late says that the process stood still: it was stopped, or got no processor.
const LATE: Duration = Duration::from_secs(1);

/// Waits for this for so long. Where the process stood still meanwhile, the answer may have come and was not looked at: it is waited for
/// once more, so that who was stopped for a minute does not say afterwards that its database gave no answer.
///
/// # Errors
/// When there is no answer.
pub async fn timeout<T>(limit: Duration, work: impl Future<Output = T>) -> Result<T, Elapsed> {
    let (mut work, began) = (pin!(work), Instant::now());
    match tokio::time::timeout(limit, &mut work).await {
        Err(_) if began.elapsed() > limit + LATE => tokio::time::timeout(limit, work).await,
        ended => ended,
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{advance, sleep};

    use super::*;

    const LIMIT: Duration = Duration::from_secs(5);

    #[tokio::test(start_paused = true)]
    async fn what_takes_too_long_is_not_waited_for() {
        let began = Instant::now();
        assert!(timeout(LIMIT, sleep(LIMIT * 3)).await.is_err());
        assert_eq!(began.elapsed().as_secs(), LIMIT.as_secs());
        assert!(timeout(LIMIT, sleep(LIMIT / 2)).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_process_that_stood_still_looks_once_more() {
        let (answer, waiting) = tokio::sync::oneshot::channel();
        let waiting = tokio::spawn(timeout(LIMIT, waiting));
        tokio::task::yield_now().await;
        advance(LIMIT * 20).await;
        tokio::task::yield_now().await;
        answer.send("late").unwrap();
        assert_eq!(waiting.await.unwrap().unwrap(), Ok("late"));
        let silent = tokio::spawn(timeout(LIMIT, std::future::pending::<()>()));
        tokio::task::yield_now().await;
        advance(LIMIT * 20).await;
        assert!(silent.await.unwrap().is_err(), "not for ever");
    }
}
