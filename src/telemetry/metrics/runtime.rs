//! The async runtime: its threads, its tasks, and how long a task waits to run.

use std::time::Duration;

use prometheus::{Gauge, Histogram};
use tokio::runtime::Handle;

use super::declare::metrics;
use super::registry::INTERNAL;

metrics! { touch;
    WORKERS: Gauge = "tokio_workers", "Threads that run async tasks.";
    ALIVE_TASKS: Gauge = "tokio_alive_tasks", "Async tasks that have not ended.";
    QUEUE_DEPTH: Gauge = "tokio_global_queue_depth", "Async tasks in the queue shared by all threads.";
    DELAY: Histogram = "runtime_scheduling_delay_seconds" in INTERNAL, "Time from spawning an async task to its first poll, probed four times a second.";
}

pub(super) fn init() {
    touch();
    refresh();
}

pub(super) fn refresh() {
    lazy_static::initialize(&WORKERS);
    lazy_static::initialize(&ALIVE_TASKS);
    lazy_static::initialize(&QUEUE_DEPTH);
    let Ok(runtime) = Handle::try_current() else { return };
    let runtime = runtime.metrics();
    WORKERS.set(runtime.num_workers() as f64);
    ALIVE_TASKS.set(runtime.num_alive_tasks() as f64);
    QUEUE_DEPTH.set(runtime.global_queue_depth() as f64);
}

/// A task waited this long to run.
pub fn scheduling_delay(waited: Duration) {
    DELAY.observe(waited.as_secs_f64());
}
