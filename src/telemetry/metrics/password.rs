//! Password hashing: what limits the rate of registrations.

use std::time::Duration;

use prometheus::{Counter, Gauge, Histogram, IntCounter};

use super::declare::{GaugeBy, HistogramBy, metrics};
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

metrics! { init;
    DURATION: HistogramBy<HashOperation> = "password_hash_duration_seconds" in INTERNAL, "Time of a password hash on its worker.";
    CPU: Counter = "password_hash_cpu_seconds_total", "CPU time of password hashes. Where they take longer, their workers waited for a processor.";
    QUEUE_WAIT: Histogram = "password_hash_queue_wait_seconds" in INTERNAL, "Time a password waited for a hash worker.";
    QUEUE_LENGTH: Gauge = "password_hash_queue_length", "Passwords that wait for a hash worker.";
    WORKERS: GaugeBy<WorkerState> = "password_hash_workers", "Hash workers, by state.";
    KERNEL: GaugeBy<HashKernel> = "password_hash_kernel", "1 for the instructions that passwords are hashed with, the best that this CPU has; 0 for the others.";
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

/// A password was refused.
pub fn hash_rejected() {
    REJECTIONS.inc();
}
