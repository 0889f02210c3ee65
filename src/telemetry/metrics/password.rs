//! Passwords: which were refused, and their hashing, which limits the rate of registrations.

use std::time::Duration;

use prometheus::{Counter, Gauge, Histogram, IntCounter};

use super::declare::{CounterBy, GaugeBy, HistogramBy, metrics};
use super::registry::INTERNAL;
use crate::label::labels;

labels! {
    /// What is done with a password.
    pub enum HashOperation("operation") {
        /// A new hash is made.
        Hash = "hash",
        /// A password is held against its hash.
        Verify = "verify",
    }
}

labels! {
    /// What a hash worker does.
    pub enum WorkerState("state") {
        /// It hashes.
        Busy = "busy",
        /// It waits for work.
        Idle = "idle",
    }
}

labels! {
    /// The instructions that passwords are hashed with.
    pub enum HashKernel("kernel") {
        /// AVX-512, of Ice Lake and Zen 4 or later.
        Avx512 = "avx512",
        /// AVX2, of x86-64.
        Avx2 = "avx2",
        /// NEON, of 64-bit ARM.
        Neon = "neon",
        /// Those that every CPU has.
        Portable = "portable",
    }
}

labels! {
    /// Why a password that somebody chose was refused: the code of its fault.
    pub enum PasswordRefusal("reason") {
        /// It has too few characters.
        TooShort = "too_short",
        /// It has too many.
        TooLong = "too_long",
        /// It repeats one short piece.
        Repetitive = "repetitive",
        /// It is in the list of common and leaked passwords.
        Common = "common",
        /// It is made of the address, the name or the service's name.
        Personal = "personal",
        /// It is known from a data breach, as the service says that is asked.
        Breached = "breached",
    }
}

metrics! { init;
    DURATION: HistogramBy<HashOperation> = "password_hash_duration_seconds" in INTERNAL, "Time of a password hash on its worker.";
    CPU: Counter = "password_hash_cpu_seconds_total", "CPU time of password hashes. Where they take longer, their workers waited for a processor.";
    QUEUE_WAIT: Histogram = "password_hash_queue_wait_seconds" in INTERNAL, "Time a password waited for a hash worker.";
    QUEUE_LENGTH: Gauge = "password_hash_queue_length", "Passwords that wait for a hash worker.";
    WORKERS: GaugeBy<WorkerState> = "password_hash_workers", "Hash workers, by state.";
    KERNEL: GaugeBy<HashKernel> = "password_hash_kernel", "1 for the instructions that passwords are hashed with, the best that this CPU has; 0 for the others.";
    REFUSALS: CounterBy<PasswordRefusal> = "password_refusals_total", "Passwords that somebody chose and that the policy refused, by reason.";
    REJECTIONS: IntCounter = "password_hash_rejections_total", "Passwords refused at once because the expected wait for a hash worker was too long.";
}

/// A worker finished a hash, and so much of the time it was on a processor.
pub fn password_hashed(operation: HashOperation, took: Duration, computed: Duration) {
    CPU.inc_by(computed.as_secs_f64());
    DURATION.at(operation).observe(took.as_secs_f64());
}

/// A password found a worker.
pub fn hash_queue_wait(waited: Duration) {
    QUEUE_WAIT.observe(waited.as_secs_f64());
}

/// The pool's state, as of now.
pub fn hash_pool(queued: usize, busy: usize, workers: usize) {
    QUEUE_LENGTH.set(queued as f64);
    WORKERS.at(WorkerState::Busy).set(busy as f64);
    WORKERS.at(WorkerState::Idle).set(workers.saturating_sub(busy) as f64);
}

/// With these instructions passwords are hashed.
pub fn hash_kernel(kernel: HashKernel) {
    KERNEL.at(kernel).set(1.0);
}

/// The policy refused a password that somebody chose.
pub fn password_refused(reason: PasswordRefusal) {
    REFUSALS.at(reason).inc();
}

/// A password was refused.
pub fn hash_rejected() {
    REJECTIONS.inc();
}
