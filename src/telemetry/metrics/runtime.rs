//! The async runtime: its threads, its tasks, and how long a task waits to run.

use std::time::Duration;

use lazy_static::lazy_static;
use prometheus::{Gauge, Histogram};
use tokio::runtime::Handle;

use super::INTERNAL;
use super::vectors::{gauge, histogram};

lazy_static! {
    static ref WORKERS: Gauge = gauge("tokio_workers", "Threads that run async tasks.");
    static ref ALIVE_TASKS: Gauge = gauge("tokio_alive_tasks", "Async tasks that have not ended.");
    static ref QUEUE_DEPTH: Gauge =
        gauge("tokio_global_queue_depth", "Async tasks in the queue shared by all threads.");
    static ref DELAY: Histogram = histogram(
        "runtime_scheduling_delay_seconds",
        "Time from spawning an async task to its first poll, probed four times a second.",
        INTERNAL,
    );
}

pub(super) fn init() {
    lazy_static::initialize(&DELAY);
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
