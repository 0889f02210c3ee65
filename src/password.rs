//! Password hashing: a fixed pool of workers with a short queue in front.
//!
//! A registration, or a sign-in, is its hash, so the pool is what limits the service. It has one worker thread per core with one block of
//! memory each, reused for every hash: a new block each time costs page faults and hundreds of megabytes. Nothing else
//! runs on these threads, and no async thread ever hashes. Work that would wait longer than the limit is refused at once.
//! Clients take turns, so that one that asks for much makes none but itself wait.

mod hash;
mod hasher;
mod queue;
mod stored;
mod task;

use std::io;
use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use tokio::sync::oneshot;

pub use self::hash::PasswordHash;
pub use self::hasher::kernel;
use self::hasher::{Form, Hasher};
use self::queue::Queue;
pub use self::stored::StoredHash;
use self::task::{Answer, Task};
use crate::config::PasswordConfig;
use crate::error::{Error, Result};
use crate::fairness::ClientKey;
use crate::telemetry::metrics;
use crate::values::Password;

/// More than this is never queued, whatever the limit of the wait: the queue's memory is bounded.
const QUEUE_CAPACITY: usize = 4096;

/// No answer waits longer than this for those that go out with it: it gains a tenth of the registrations, and longer waits
/// gain little more.
const HOLD: Duration = Duration::from_millis(60);

/// The pool of hash workers. They end when it is dropped.
pub struct HashPool {
    shared: Arc<Shared>,
    max_wait: Duration,
    form: Form,
}

struct Job {
    client: ClientKey,
    task: Task,
    queued: Instant,
}

/// A hash that is done, and how its caller is told.
struct Done {
    at: Instant,
    answer: Answer,
}

/// What the pool has to do, as callers and workers see it.
struct Shared {
    queue: Queue<Job>,
    workers: usize,
    busy: AtomicUsize,
    mean_nanos: AtomicU64,
}

impl Shared {
    /// How long a job would wait for a worker that has so many others before it.
    fn expected_wait(&self, ahead: usize) -> Duration {
        let free = self.workers.saturating_sub(self.busy.load(Relaxed));
        let ahead = (ahead + 1).saturating_sub(free);
        Duration::from_nanos(self.mean_nanos.load(Relaxed).saturating_mul(ahead as u64) / self.workers as u64)
    }

    /// Whether an answer may wait for others: each worker has another job of the same client already.
    fn may_hold(&self, client: ClientKey) -> bool {
        self.queue.len_of(client) >= self.workers
    }

    /// Whether answers may wait on: each worker has another job already, and this one ends in time.
    fn holds(&self, oldest: Instant) -> bool {
        let mean = Duration::from_nanos(self.mean_nanos.load(Relaxed));
        self.queue.len() >= self.workers && oldest.elapsed() + mean <= HOLD
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
    /// Parameters that Argon2 does not accept, or memory or threads that the system does not give.
    pub fn start(config: &PasswordConfig) -> io::Result<Self> {
        let workers = match config.workers {
            0 => std::thread::available_parallelism().map_or(1, NonZero::get),
            workers => workers,
        };
        let hasher = Hasher::new(config).map_err(io::Error::other)?;
        let shared = Arc::new(Shared {
            queue: Queue::new(QUEUE_CAPACITY),
            workers,
            busy: AtomicUsize::new(0),
            mean_nanos: AtomicU64::new(hasher.first_guess_nanos()),
        });
        for worker in 0..workers {
            let (shared, hasher) = (Arc::clone(&shared), hasher.with_memory().map_err(io::Error::other)?);
            std::thread::Builder::new().name(format!("hash-{worker}")).spawn(move || work(&shared, hasher))?;
        }
        metrics::hash_kernel(kernel());
        Ok(HashPool { shared, max_wait: config.max_wait, form: hasher.form().clone() })
    }

    /// Hashes a password on a worker, for a client. A caller that gives up while it waits frees its place.
    ///
    /// # Errors
    /// [`Error::Overloaded`] at once when the wait would be longer than `password_hash_max_wait`.
    pub async fn hash(&self, client: ClientKey, password: Password) -> Result<PasswordHash> {
        let (answer, hash) = oneshot::channel();
        let _waiting = self.queue(client, Task::Hash { password, answer })?;
        hash.await.map_err(|gone| Error::PasswordHash(gone.into()))?
    }

    /// Asks on a worker, for a client, of which of these passwords a stored hash is: of each until one fits.
    ///
    /// # Errors
    /// [`Error::Overloaded`] at once when the wait would be longer than `password_hash_max_wait`.
    pub async fn verify(
        &self,
        client: ClientKey,
        stored: StoredHash,
        passwords: Vec<Password>,
    ) -> Result<Option<usize>> {
        let (answer, fitting) = oneshot::channel();
        let _waiting = self.queue(client, Task::Verify { stored, passwords, answer })?;
        fitting.await.map_err(|gone| Error::Authentication(gone.into()))
    }

    /// Whether this hash was made as new ones are; if not, it is to be made anew when its password is known.
    pub fn is_current(&self, stored: &StoredHash) -> bool {
        self.form.is_of(stored)
    }

    /// A hash of no password, which takes as long to verify as one that was made here.
    ///
    /// # Errors
    /// [`Error::Authentication`] when the system gives no random numbers.
    pub fn of_nobody(&self) -> Result<StoredHash> {
        self.form.of_nobody().map_err(Error::Authentication)
    }

    /// Puts work into the queue. A caller that drops what it is given leaves it.
    fn queue(&self, client: ClientKey, task: Task) -> Result<Waiting<'_>> {
        let wait = self.admit(client)?;
        let job = Job { client, task, queued: Instant::now() };
        let number = self.shared.queue.push(client, job).ok_or_else(|| refuse(wait))?;
        Ok(Waiting { queue: &self.shared.queue, client, number })
    }

    /// How long a password of this client would wait for a worker now.
    ///
    /// # Errors
    /// [`Error::Overloaded`] when it would be longer than `password_hash_max_wait`.
    pub fn admit(&self, client: ClientKey) -> Result<Duration> {
        let wait = self.shared.expected_wait(self.shared.queue.ahead_of(client));
        if wait > self.max_wait { Err(refuse(wait)) } else { Ok(wait) }
    }

    /// Whether a password of a client that has none here yet would be refused now.
    pub fn is_saturated(&self) -> bool {
        self.shared.expected_wait(self.shared.queue.ahead_of_newcomer()) > self.max_wait
    }

    /// Shows the pool's state in the metrics.
    pub fn refresh_metrics(&self) {
        metrics::hash_pool(self.shared.queue.len(), self.shared.busy.load(Relaxed), self.shared.workers);
    }
}

impl Drop for HashPool {
    fn drop(&mut self) {
        self.shared.queue.close();
    }
}

fn refuse(wait: Duration) -> Error {
    metrics::hash_rejected();
    Error::Overloaded { what: "too many passwords wait to be hashed", retry_after: wait.as_secs().max(1) }
}

/// A job that a caller waits for: it leaves the queue when the caller does.
struct Waiting<'a> {
    queue: &'a Queue<Job>,
    client: ClientKey,
    number: u64,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.queue.remove(self.client, self.number);
    }
}

/// A worker's life: one block of memory, one job after the other.
///
/// Under load its answers go out a few at a time: a hash sweeps the caches, so what an answer sets off (a transaction, a
/// response, the next request) begins in the cold, and does so once for all of them.
fn work(shared: &Shared, mut hasher: Hasher) {
    let mut held: Vec<Done> = Vec::new();
    loop {
        let next = shared.queue.try_pop();
        if next.is_none() || held.first().is_some_and(|oldest| !shared.holds(oldest.at)) {
            held.drain(..).for_each(Done::answer);
        }
        let Some(job) = next.or_else(|| shared.queue.pop()) else { return };
        let client = job.client;
        match run(job, shared, &mut hasher) {
            Some(done) if shared.may_hold(client) => held.push(done),
            Some(done) => done.answer(),
            None => {}
        }
    }
}

impl Done {
    fn answer(self) {
        (self.answer)();
    }
}

/// Does a job, unless nobody waits for it.
fn run(job: Job, shared: &Shared, hasher: &mut Hasher) -> Option<Done> {
    shared.busy.fetch_add(1, Relaxed);
    metrics::hash_queue_wait(job.queued.elapsed());
    let done = job.task.is_wanted().then(|| {
        let (began, cpu_before, operation) = (Instant::now(), cpu_time(), job.task.operation());
        let answer = job.task.run(hasher);
        let took = began.elapsed();
        shared.hashed(took);
        metrics::password_hashed(operation, took, cpu_time().saturating_sub(cpu_before));
        Done { at: began + took, answer }
    });
    shared.busy.fetch_sub(1, Relaxed);
    done
}

/// For how long this thread has been on a processor.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.try_into().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use argon2::PasswordVerifier;
    use futures_util::FutureExt;

    use super::*;

    fn pool(max_wait: Duration) -> HashPool {
        let config = PasswordConfig { memory_kib: 64, iterations: 1, parallelism: 1, workers: 2, max_wait };
        HashPool::start(&config).unwrap()
    }

    fn password() -> Password {
        Password::parse("correct horse").unwrap()
    }

    fn client(last: u8) -> ClientKey {
        IpAddr::from([192, 0, 2, last]).into()
    }

    fn form() -> Form {
        let config = PasswordConfig { memory_kib: 64, iterations: 1, parallelism: 1, workers: 1, max_wait: HOLD };
        Hasher::new(&config).unwrap().form().clone()
    }

    /// What the pool would have to do, without anybody who does it.
    fn load(mean: Duration, jobs_of: &[u8]) -> Shared {
        let queue = Queue::new(QUEUE_CAPACITY);
        for last in jobs_of {
            let (client, task) = (client(*last), Task::Hash { password: password(), answer: oneshot::channel().0 });
            queue.push(client, Job { client, task, queued: Instant::now() });
        }
        let mean_nanos = AtomicU64::new(mean.as_nanos().try_into().unwrap());
        Shared { queue, workers: 2, busy: AtomicUsize::new(2), mean_nanos }
    }

    #[tokio::test]
    async fn a_hash_verifies_with_any_argon2() {
        let hash = pool(Duration::from_secs(60)).hash(client(1), password()).await.unwrap();
        assert!(hash.expose().starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{}", hash.expose());
        let parsed = argon2::password_hash::phc::PasswordHash::new(hash.expose()).unwrap();
        assert!(argon2::Argon2::default().verify_password(b"correct horse", &parsed).is_ok());
        assert!(argon2::Argon2::default().verify_password(b"correct mouse", &parsed).is_err());
    }

    #[tokio::test]
    async fn a_password_is_held_against_its_hash_and_nobodys() {
        let pool = pool(Duration::from_secs(60));
        let hash = pool.hash(client(1), password()).await.unwrap();
        let stored = StoredHash::parse(hash.expose()).unwrap();
        let other = || Password::parse("correct mouse").unwrap();
        let verify = |stored: &StoredHash, passwords| pool.verify(client(1), stored.clone(), passwords);
        assert_eq!(verify(&stored, vec![other(), password()]).await.unwrap(), Some(1));
        assert_eq!(verify(&stored, vec![other()]).await.unwrap(), None);
        let nobody = pool.of_nobody().unwrap();
        assert_eq!(verify(&nobody, vec![password()]).await.unwrap(), None);
        assert!(pool.is_current(&stored) && pool.is_current(&nobody));
        let foreign = "$2b$05$ZjYEW8bC0WjG29OXn/MCa.c4Ej6uYOYdTbYn0Dt5vJYnQMcYpWMZC";
        let weaker = stored.expose().replace("t=1", "t=2");
        for old in [foreign, &weaker] {
            let old = StoredHash::parse(old).unwrap();
            assert!(!pool.is_current(&old) && verify(&old, vec![other()]).await.unwrap().is_none());
        }
    }

    #[tokio::test]
    async fn one_password_has_a_new_salt_each_time() {
        let pool = pool(Duration::from_secs(60));
        let (one, two) = tokio::join!(pool.hash(client(1), password()), pool.hash(client(1), password()));
        assert_ne!(one.unwrap(), two.unwrap());
    }

    #[tokio::test]
    async fn a_wait_beyond_the_limit_is_refused_at_once() {
        let shared = Arc::new(load(Duration::from_secs(1), &[1; 5]));
        let pool = HashPool { shared, max_wait: Duration::from_secs(1), form: form() };
        match pool.hash(client(1), password()).await {
            Err(Error::Overloaded { retry_after, .. }) => assert_eq!(retry_after, 3),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_queue_of_one_client_saturates_the_pool_for_no_other() {
        let max_wait = Duration::from_secs(1);
        let one_has_much =
            HashPool { shared: Arc::new(load(Duration::from_secs(1), &[1; 50])), max_wait, form: form() };
        assert!(!one_has_much.is_saturated());
        let many: Vec<u8> = (0..50).collect();
        let many_have_some = HashPool { shared: Arc::new(load(Duration::from_secs(1), &many)), max_wait, form: form() };
        assert!(many_have_some.is_saturated());
    }

    #[tokio::test]
    async fn no_answer_waits_for_jobs_that_do_not_come() {
        let pool = pool(Duration::from_secs(60));
        let hashes = futures_util::future::join_all((0..64).map(|_| pool.hash(client(1), password()))).await;
        assert!(hashes.iter().all(Result::is_ok));
    }

    #[test]
    fn answers_wait_for_others_only_under_load_and_not_for_long() {
        let (now, hash) = (Instant::now(), HOLD / 5);
        assert!(load(hash, &[1, 2]).holds(now));
        assert!(!load(hash, &[1]).holds(now), "a worker would have to wait for its next job");
        assert!(!load(hash, &[1, 2]).holds(now - 4 * hash), "the next answer would come too late");
        assert!(!load(2 * HOLD, &[1, 2]).holds(now), "hashes that take this long gain nothing");
    }

    #[test]
    fn no_answer_waits_for_the_jobs_of_others() {
        let load = load(HOLD / 5, &[1, 1, 1, 2]);
        assert!(load.may_hold(client(1)));
        assert!(!load.may_hold(client(2)) && !load.may_hold(client(3)));
    }

    #[tokio::test]
    async fn a_caller_that_left_costs_no_hash() {
        let shared = Arc::new(load(Duration::ZERO, &[]));
        let pool = HashPool { shared, max_wait: Duration::from_secs(60), form: form() };
        let mut waiting: Vec<_> = (0..64).map(|_| Box::pin(pool.hash(client(1), password()))).collect();
        for hash in &mut waiting {
            assert!(hash.now_or_never().is_none());
        }
        assert_eq!(pool.shared.queue.len(), 64);
        drop(waiting);
        assert_eq!(pool.shared.queue.len(), 0);
    }
}
