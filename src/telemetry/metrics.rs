//! The only place that names a metric or a Prometheus type: each metric is declared once and used through a verb.
//!
//! Every series has labels from closed sets ([`crate::label`]) and exists, at 0, from the first scrape on, so that
//! `increase()` sees the first event. Durations are seconds, sizes bytes, points in time seconds since the epoch
//! (never ages). Names follow <https://prometheus.io/docs/practices/naming/>.

mod clock;
mod database;
mod errors;
mod exposition;
mod external;
mod health;
mod http;
mod inventory;
mod json;
mod logs;
mod outbox;
mod password;
mod process;
mod registration;
mod runtime;
mod summary;
mod vectors;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lazy_static::lazy_static;
use prometheus::Registry;

pub use self::clock::{ClockReference, clock_difference, clock_jumped};
pub use self::database::{DbOperation, PoolStatus, db_error, db_pool, db_pool_wait, db_query};
pub(crate) use self::errors::error;
pub use self::errors::init_error_users;
pub use self::exposition::{Encoded, encode};
pub use self::external::{CallInFlight, CallOutcome, Calls, ExternalService};
pub use self::health::{Dependency, DependencyStatus, HealthStatus, dependency_checked, dependency_status, health};
pub use self::http::{
    ConnectionResult, InFlight, MethodLabel, OpenConnection, RejectReason, RouteMetrics, connection_refused,
    connection_result, request_rejected,
};
pub use self::inventory::{Metric, inventory, markdown};
pub use self::json::{Snapshot, snapshot};
pub use self::logs::{DropReason, log_queue_capacity, log_record, log_records_dropped};
pub use self::outbox::{AttemptOutcome, CircuitState, OpenState, TopicMetrics, outbox_polled};
pub use self::password::{
    HashKernel, HashOperation, hash_kernel, hash_pool, hash_queue_wait, hash_rejected, password_hashed,
};
pub use self::process::mark_start;
pub use self::registration::{
    ActionOutcome, RegistrationOutcome, Step, StepOutcome, UserAction, registration, registration_attempt,
    registration_step, user_action, users,
};
pub use self::runtime::scheduling_delay;
pub use self::summary::{Requests, Summary, summary};

lazy_static! {
    static ref REGISTRY: Registry = Registry::new();
}

crate::label::labels! {
    /// How an operation ended.
    pub enum Completion("outcome") {
        /// As it should.
        Ok = "ok",
        /// With an error.
        Error = "error",
    }
}

/// Touches every static, so that the first scrape has every series. Called once, at start.
pub fn init() {
    lazy_static::initialize(&REGISTRY);
    clock::init();
    database::init();
    errors::init();
    exposition::init();
    external::init();
    health::init();
    http::init();
    logs::init();
    outbox::init();
    password::init();
    process::init();
    registration::init();
    runtime::init();
}

/// Brings the gauges that mirror the process and the runtime up to date; called before each exposition.
pub fn refresh() {
    clock::refresh();
    process::refresh();
    runtime::refresh();
}

/// Seconds since the epoch, as Prometheus wants a point in time.
pub(crate) fn unix_now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs_f64()
}

/// From half a millisecond to ten seconds: what a client waits for.
const LATENCY: &[f64] = &[0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 1.5, 2.5, 5.5, 10.5];
/// From a tenth of a millisecond to five seconds: what happens inside.
const INTERNAL: &[f64] = &[0.0001, 0.0005, 0.0015, 0.005, 0.015, 0.05, 0.15, 0.5, 1.5, 5.5];
/// Sizes from 64 bytes to 1 MiB, in powers of four.
const SIZE: &[f64] = &[64.5, 256.5, 1024.5, 4096.5, 16384.5, 65536.5, 262_144.5, 1_048_576.5];
