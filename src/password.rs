//! Password hashing: a fixed pool of workers with a short queue in front.
//!
//! A registration is its hash, so the pool is what limits the service. It has one worker thread per core with one block of
//! memory each, reused for every hash: a new block each time costs page faults and hundreds of megabytes. Nothing else
//! runs on these threads, and no async thread ever hashes. Work that would wait longer than the limit is refused at once.

mod argon2id;

use std::io;
use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, TrySendError};
use tokio::sync::oneshot;

use self::argon2id::Hasher;
use crate::config::PasswordConfig;
use crate::domain::Password;
use crate::error::{Error, Result};
use crate::metrics::{self, HashOperation};

/// More than this is never queued, whatever the limit of the wait: the queue's memory is bounded.
const QUEUE_CAPACITY: usize = 4096;

/// No answer waits longer than this for those that go out with it.
const HOLD: Duration = Duration::from_millis(100);

/// A hash in the PHC string format, `$argon2id$v=19$m=…,t=…,p=…$salt$hash`.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// The PHC string, for the database.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

/// The pool of hash workers. They end when it is dropped.
pub struct HashPool {
    jobs: Sender<Job>,
    load: Arc<Load>,
    max_wait: Duration,
}

struct Job {
    password: Password,
    queued: Instant,
    answer: oneshot::Sender<Result<PasswordHash>>,
}

/// A hash that is done, and who waits for it.
struct Done {
    at: Instant,
    hash: Result<PasswordHash>,
    answer: oneshot::Sender<Result<PasswordHash>>,
}

/// What the pool has to do, as its callers see it.
struct Load {
    workers: usize,
    queued: AtomicUsize,
    busy: AtomicUsize,
    mean_nanos: AtomicU64,
}

impl Load {
    /// How long the next job would wait for a worker.
    fn expected_wait(&self) -> Duration {
        let free = self.workers.saturating_sub(self.busy.load(Relaxed));
        let ahead = (self.queued.load(Relaxed) + 1).saturating_sub(free);
        Duration::from_nanos(self.mean_nanos.load(Relaxed).saturating_mul(ahead as u64) / self.workers as u64)
    }

    /// Whether answers may wait for the next one: each worker has another job already, and this one ends in time.
    fn holds(&self, oldest: Instant) -> bool {
        let mean = Duration::from_nanos(self.mean_nanos.load(Relaxed));
        self.queued.load(Relaxed) >= self.workers && oldest.elapsed() + mean <= HOLD
    }

    /// Moves the mean an eighth of the way: some ten hashes make it forget.
    fn hashed(&self, took: Duration) {
        let took = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let mean = self.mean_nanos.load(Relaxed);
        self.mean_nanos.store(mean - mean / 8 + took / 8, Relaxed);
    }
}

impl HashPool {
    /// Starts the workers.
    ///
    /// # Errors
    /// Parameters that Argon2 does not accept, or threads that the system does not give.
    pub fn start(config: &PasswordConfig) -> io::Result<Self> {
        let workers = match config.workers {
            0 => std::thread::available_parallelism().map_or(1, NonZero::get),
            workers => workers,
        };
        let hasher = Hasher::new(config).map_err(io::Error::other)?;
        let load = Arc::new(Load {
            workers,
            queued: AtomicUsize::new(0),
            busy: AtomicUsize::new(0),
            mean_nanos: AtomicU64::new(hasher.first_guess_nanos()),
        });
        let (jobs, queue) = crossbeam_channel::bounded(QUEUE_CAPACITY);
        for worker in 0..workers {
            let (queue, load, hasher) = (queue.clone(), Arc::clone(&load), hasher.clone());
            std::thread::Builder::new().name(format!("hash-{worker}")).spawn(move || work(&queue, &load, hasher))?;
        }
        Ok(HashPool { jobs, load, max_wait: config.max_wait })
    }

    /// Hashes a password on a worker. A caller that gives up while it waits frees its place.
    ///
    /// # Errors
    /// [`Error::Overloaded`] at once when the wait would be longer than `password_hash_max_wait`.
    pub async fn hash(&self, password: Password) -> Result<PasswordHash> {
        if self.is_saturated() {
            return Err(self.refuse());
        }
        let (answer, hash) = oneshot::channel();
        self.load.queued.fetch_add(1, Relaxed);
        match self.jobs.try_send(Job { password, queued: Instant::now(), answer }) {
            Ok(()) => hash.await.map_err(|gone| Error::PasswordHash(gone.into()))?,
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                self.load.queued.fetch_sub(1, Relaxed);
                Err(self.refuse())
            }
        }
    }

    /// Whether a password that came now would be refused.
    pub fn is_saturated(&self) -> bool {
        self.load.expected_wait() > self.max_wait
    }

    /// Shows the pool's state in the metrics.
    pub fn refresh_metrics(&self) {
        metrics::hash_pool(self.load.queued.load(Relaxed), self.load.busy.load(Relaxed), self.load.workers);
    }

    fn refuse(&self) -> Error {
        metrics::hash_rejected();
        let retry_after = self.load.expected_wait().as_secs().max(1);
        Error::Overloaded { what: "too many passwords wait to be hashed", retry_after }
    }
}

/// A worker's life: one block of memory, one job after the other.
///
/// Under load its answers go out a few at a time: a hash sweeps the caches, so what an answer sets off (a transaction, a
/// response, the next request) begins in the cold, and does so once for all of them.
fn work(queue: &Receiver<Job>, load: &Load, mut hasher: Hasher) {
    let mut held: Vec<Done> = Vec::new();
    loop {
        let next = queue.try_recv();
        if next.is_err() || held.first().is_some_and(|oldest| !load.holds(oldest.at)) {
            answer(&mut held);
        }
        let Ok(job) = next.or_else(|_empty| queue.recv()) else { return };
        held.extend(hash(job, load, &mut hasher));
    }
}

fn answer(held: &mut Vec<Done>) {
    for done in held.drain(..) {
        let _ = done.answer.send(done.hash);
    }
}

/// Does a job, unless nobody waits for it.
fn hash(job: Job, load: &Load, hasher: &mut Hasher) -> Option<Done> {
    load.busy.fetch_add(1, Relaxed);
    load.queued.fetch_sub(1, Relaxed);
    metrics::hash_queue_wait(job.queued.elapsed());
    let done = (!job.answer.is_closed()).then(|| {
        let began = Instant::now();
        let hash = hasher.hash(job.password.expose()).map(PasswordHash);
        let took = began.elapsed();
        load.hashed(took);
        metrics::password_hashed(HashOperation::Hash, took);
        Done { at: began + took, hash: hash.map_err(Error::PasswordHash), answer: job.answer }
    });
    load.busy.fetch_sub(1, Relaxed);
    done
}

#[cfg(test)]
mod tests {
    use argon2::PasswordVerifier;

    use super::*;

    fn pool(max_wait: Duration) -> HashPool {
        let config = PasswordConfig { memory_kib: 64, iterations: 1, parallelism: 1, workers: 2, max_wait };
        HashPool::start(&config).unwrap()
    }

    fn password() -> Password {
        Password::parse("correct horse").unwrap()
    }

    #[tokio::test]
    async fn a_hash_verifies_with_any_argon2() {
        let hash = pool(Duration::from_secs(60)).hash(password()).await.unwrap();
        assert!(hash.expose().starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{}", hash.expose());
        let parsed = argon2::password_hash::phc::PasswordHash::new(hash.expose()).unwrap();
        assert!(argon2::Argon2::default().verify_password(b"correct horse", &parsed).is_ok());
        assert!(argon2::Argon2::default().verify_password(b"correct mouse", &parsed).is_err());
    }

    #[tokio::test]
    async fn one_password_has_a_new_salt_each_time() {
        let pool = pool(Duration::from_secs(60));
        let (one, two) = tokio::join!(pool.hash(password()), pool.hash(password()));
        assert_ne!(one.unwrap(), two.unwrap());
    }

    #[tokio::test]
    async fn a_wait_beyond_the_limit_is_refused_at_once() {
        let pool = pool(Duration::from_secs(1));
        pool.load.busy.store(2, Relaxed);
        pool.load.mean_nanos.store(1_000_000_000, Relaxed);
        pool.load.queued.store(5, Relaxed);
        match pool.hash(password()).await {
            Err(Error::Overloaded { retry_after, .. }) => assert_eq!(retry_after, 3),
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn no_answer_waits_for_jobs_that_do_not_come() {
        let pool = pool(Duration::from_secs(60));
        let hashes = futures_util::future::join_all((0..64).map(|_| pool.hash(password()))).await;
        assert!(hashes.iter().all(Result::is_ok));
    }

    #[test]
    fn answers_wait_for_others_only_under_load_and_not_for_long() {
        let load = |queued, mean: Duration| Load {
            workers: 2,
            queued: AtomicUsize::new(queued),
            busy: AtomicUsize::new(2),
            mean_nanos: AtomicU64::new(mean.as_nanos().try_into().unwrap()),
        };
        let (now, hash) = (Instant::now(), HOLD / 5);
        assert!(load(2, hash).holds(now));
        assert!(!load(1, hash).holds(now), "a worker would have to wait for its next job");
        assert!(!load(2, hash).holds(now - 4 * hash), "the next answer would come too late");
        assert!(!load(2, 2 * HOLD).holds(now), "hashes that take this long gain nothing");
    }

    #[tokio::test]
    async fn a_caller_that_left_costs_no_hash() {
        let pool = pool(Duration::from_secs(60));
        let waiting: Vec<_> = (0..64).map(|_| Box::pin(pool.hash(password()))).collect();
        drop(waiting);
        pool.hash(password()).await.unwrap();
        assert_eq!(pool.load.queued.load(Relaxed), 0);
    }
}
