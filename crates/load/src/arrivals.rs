//! The open loop.

use std::time::Duration;

use rand::{Rng, RngExt};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

/// When requests are due.
#[derive(Clone, Copy, Debug)]
pub enum Pace {
    /// One each time that this has passed.
    Every(Duration),
    /// So many a second on average, at times that know nothing of each other (a Poisson process).
    Random(f64),
}

/// What happened.
#[derive(Debug)]
pub enum Event<T> {
    /// It is time for the request with this number, from 0 on.
    Due(usize),
    /// A request that was sent has ended with this.
    Ended(T),
}

/// Requests that come at their own pace, and those that are on their way.
pub struct Arrivals<T> {
    pace: Pace,
    next: Instant,
    end: Option<Instant>,
    number: usize,
    in_flight: JoinSet<T>,
}

impl<T: Send + 'static> Arrivals<T> {
    /// Requests from now on, for as long as `length` where there is one. Those of a value that is dropped are cut off.
    pub fn new(pace: Pace, length: Option<Duration>) -> Self {
        let next = Instant::now();
        Arrivals { pace, next, end: length.map(|length| next + length), number: 0, in_flight: JoinSet::new() }
    }

    /// How many requests are on their way.
    pub fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// Sends a request.
    pub fn send(&mut self, request: impl Future<Output = T> + Send + 'static) {
        self.in_flight.spawn(request);
    }

    /// What happens next; `None` once no more are due and none is on its way. Nothing is lost if this is dropped before.
    pub async fn next(&mut self) -> Option<Event<T>> {
        loop {
            let is_due = self.end.is_none_or(|end| self.next < end);
            tokio::select! {
                Some(ended) = self.in_flight.join_next() => {
                    // One that panicked has told so itself.
                    if let Ok(outcome) = ended {
                        return Some(Event::Ended(outcome));
                    }
                }
                () = sleep_until(self.next), if is_due => {
                    self.next += self.pace.pause(&mut rand::rng());
                    self.number += 1;
                    return Some(Event::Due(self.number - 1));
                }
                else => return None,
            }
        }
    }
}

impl Pace {
    fn pause(self, rng: &mut impl Rng) -> Duration {
        match self {
            Pace::Every(pause) => pause,
            Pace::Random(rate) => Duration::from_secs_f64(-(1.0 - rng.random::<f64>()).ln() / rate),
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    #[test]
    fn random_arrivals_come_at_the_rate_and_not_in_step() {
        let mut rng = StdRng::seed_from_u64(7);
        let pauses: Vec<f64> = (0..100_000).map(|_| Pace::Random(50.0).pause(&mut rng).as_secs_f64()).collect();
        let mean = pauses.iter().sum::<f64>() / pauses.len() as f64;
        assert!((mean - 0.02).abs() < 0.0005, "{mean}");
        let short = pauses.iter().filter(|pause| **pause < 0.01).count() as f64 / pauses.len() as f64;
        assert!((short - 0.393).abs() < 0.01, "{short} of the pauses are under half of the mean; exponential: 39.3 %");
    }

    #[tokio::test(start_paused = true)]
    async fn requests_are_due_whatever_becomes_of_others_and_all_are_waited_for() {
        let (mut due, mut ended) = (0, 0);
        let mut arrivals = Arrivals::new(Pace::Every(Duration::from_secs(1)), Some(Duration::from_secs(5)));
        while let Some(event) = arrivals.next().await {
            match event {
                Event::Due(number) => {
                    assert_eq!((number, arrivals.in_flight()), (due, due));
                    due += 1;
                    arrivals.send(tokio::time::sleep(Duration::from_mins(1)));
                }
                Event::Ended(()) => ended += 1,
            }
        }
        assert_eq!((due, ended), (5, 5));
    }
}
