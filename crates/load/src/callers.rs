//! The closed loop.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval_at};

/// One caller of a closed loop.
pub trait Caller: Send + 'static {
    /// What is kept of a call.
    type Outcome: Send + 'static;

    /// Makes one call and waits for its answer. An error ends this caller.
    fn call(&mut self) -> impl Future<Output = Result<Self::Outcome>> + Send;
}

/// A call that has ended.
#[derive(Clone, Debug)]
pub struct Call<T> {
    /// What the caller kept of it.
    pub outcome: T,
    /// When it ended.
    pub ended: Instant,
    /// How long it took.
    pub took: Duration,
}

/// Callers that go on until they are stopped. When this is dropped they end in the middle of their calls.
pub struct Callers<T> {
    tasks: JoinSet<Result<()>>,
    shared: Arc<Shared<T>>,
}

struct Shared<T> {
    stopping: AtomicBool,
    calls: Mutex<Vec<Call<T>>>,
}

impl<T: Send + 'static> Callers<T> {
    /// Each makes a call every `period`, or as soon as the last one is answered, as it always is with a period of zero. The
    /// first calls are spread over a period.
    pub fn start<C: Caller<Outcome = T>>(callers: Vec<C>, period: Duration) -> Self {
        let shared = Arc::new(Shared { stopping: AtomicBool::new(false), calls: Mutex::default() });
        let (mut tasks, count) = (JoinSet::new(), callers.len() as f64);
        for (number, caller) in callers.into_iter().enumerate() {
            tasks.spawn(repeat(caller, period, period.mul_f64(number as f64 / count), Arc::clone(&shared)));
        }
        Callers { tasks, shared }
    }

    /// How many calls so far ended like this.
    pub fn count(&self, is_counted: impl Fn(&T) -> bool) -> usize {
        self.shared.calls().iter().filter(|call| is_counted(&call.outcome)).count()
    }

    /// Lets every caller finish its call.
    ///
    /// # Errors
    /// When a caller has failed.
    pub async fn stop(mut self) -> Result<Vec<Call<T>>> {
        self.shared.stopping.store(true, Ordering::Relaxed);
        while let Some(ended) = self.tasks.join_next().await {
            ended??;
        }
        Ok(std::mem::take(&mut *self.shared.calls()))
    }

    /// Ends every caller in the middle of its call.
    pub async fn abort(mut self) -> Vec<Call<T>> {
        self.tasks.shutdown().await;
        std::mem::take(&mut *self.shared.calls())
    }
}

impl<T> Shared<T> {
    fn calls(&self) -> MutexGuard<'_, Vec<Call<T>>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn repeat<C: Caller>(
    mut caller: C,
    period: Duration,
    first: Duration,
    shared: Arc<Shared<C::Outcome>>,
) -> Result<()> {
    let mut ticks = (!period.is_zero()).then(|| interval_at(tokio::time::Instant::now() + first, period));
    if let Some(ticks) = &mut ticks {
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    }
    let mut began = Instant::now();
    while !shared.stopping.load(Ordering::Relaxed) {
        if let Some(ticks) = &mut ticks {
            ticks.tick().await;
            began = Instant::now();
        }
        let outcome = caller.call().await?;
        let ended = Instant::now();
        shared.calls().push(Call { outcome, ended, took: ended - began });
        began = ended;
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test ends by panicking")]
mod tests {
    use super::*;

    /// Sleeps so many times.
    struct Sleeper(u32);

    impl Caller for Sleeper {
        type Outcome = u32;

        async fn call(&mut self) -> Result<u32> {
            tokio::time::sleep(Duration::from_millis(20)).await;
            self.0 = self.0.checked_sub(1).ok_or_else(|| anyhow::anyhow!("tired"))?;
            Ok(self.0)
        }
    }

    #[tokio::test]
    async fn calls_that_are_on_their_way_are_finished_or_cut_off() {
        for period in [Duration::ZERO, Duration::from_millis(1)] {
            let start = || Callers::start(vec![Sleeper(1000), Sleeper(1000)], period);
            let callers = start();
            tokio::time::sleep(Duration::from_millis(5)).await;
            assert_eq!((callers.count(|_| true), callers.stop().await.unwrap().len()), (0, 2));
            assert!(start().abort().await.is_empty());
        }
    }

    #[tokio::test]
    async fn a_caller_that_failed_is_told_of() {
        let callers = Callers::start(vec![Sleeper(0)], Duration::ZERO);
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(callers.stop().await.unwrap_err().to_string(), "tired");
    }
}
