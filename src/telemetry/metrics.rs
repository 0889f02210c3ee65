//! The only place that names a metric or a Prometheus type: each metric is declared in one line and used through a verb.
//!
//! Every series has labels from closed sets ([`crate::label`]) and exists, at 0, from the first scrape on, so that
//! `increase()` sees the first event. Durations are seconds, sizes bytes, points in time seconds since the epoch
//! (never ages). Names follow <https://prometheus.io/docs/practices/naming/>.

mod asked;
mod clock;
mod codes;
mod database;
mod declare;
mod errors;
mod exposition;
mod external;
mod health;
mod http;
mod inventory;
mod json;
mod logs;
mod machine;
mod outbox;
mod password;
mod process;
mod quantile;
mod registration;
mod registry;
mod runtime;
mod sign_in;
mod signing_keys;
mod sketch;
mod summary;
mod totals;
mod user_changes;
mod webhooks;

pub use self::asked::Asked;
pub use self::clock::{ClockReference, clock_difference, clock_jumped};
pub use self::codes::{CodeEvent, CodePurpose, email_code};
pub use self::database::{DbOperation, PoolStatus, db_error, db_pool, db_pool_wait, db_query};
pub(crate) use self::errors::error;
pub use self::errors::{CauseClass, Incident, incident, init_error_users, request_failed, user_waits};
pub use self::exposition::{Encoded, encode};
pub use self::external::{CallInFlight, CallOutcome, Calls, ExternalService, HEALTH};
pub use self::health::{Dependency, DependencyStatus, HealthStatus, dependency_checked, dependency_status, health};
pub use self::http::{
    ConnectionResult, InFlight, Listener, MethodLabel, OpenConnection, RejectReason, Requests, RouteMetrics,
    connection_refused, connection_result, request_body, request_rejected,
};
pub use self::inventory::{MOST_SERIES, Metric, markdown};
pub use self::json::{Snapshot, snapshot};
pub use self::logs::{DropReason, log_queue_capacity, log_record, log_records_dropped};
pub use self::machine::{
    DiskSpace, DiskUse, PressureOn, cpu_cores, cpu_pressure, cpu_throttled, disk, machine_cpu, memory,
};
pub use self::outbox::{
    AttemptOutcome, CircuitState, DeadReason, OpenState, TopicMetrics, mail_perhaps_sent, outbox_polled,
};
pub use self::password::{
    HashKernel, HashOperation, PasswordRefusal, hash_kernel, hash_pool, hash_queue_wait, hash_rejected,
    password_hashed, password_refused,
};
pub use self::process::mark_start;
pub use self::registration::{
    ActionOutcome, RegistrationOutcome, Step, StepOutcome, UserAction, registration, registration_attempt,
    registration_step, user_action, users,
};
pub use self::runtime::scheduling_delay;
pub use self::sign_in::{
    FirstSignIn, RefreshOutcome, SessionEnd, SignInOutcome, TokenFault, access_token_refused, first_sign_in,
    password_confirmed, sessions, sessions_ended, sign_in, token_refresh, wrong_password,
};
pub use self::signing_keys::signing_keys;
pub use self::summary::{Summary, summary};
pub use self::totals::{Took, Totals, totals};
pub use self::user_changes::{ChangedBy, UserChange, user_changed};
pub use self::webhooks::SwitchOffs;

/// Touches every static, so that the first scrape has every series. Called once, at start.
pub fn init() {
    clock::init();
    codes::init();
    database::init();
    errors::init();
    exposition::init();
    external::init();
    health::init();
    http::init();
    logs::init();
    machine::init();
    outbox::init();
    password::init();
    process::init();
    registration::init();
    runtime::init();
    sign_in::init();
    signing_keys::init();
    user_changes::init();
    webhooks::init();
}

/// Every metric, by name. Complete once [`init`] has run, and the routes, topics and checks exist.
pub fn inventory() -> Vec<Metric> {
    refresh();
    inventory::all()
}

/// Brings the gauges that mirror the process and the runtime up to date; called before each exposition.
pub fn refresh() {
    clock::refresh();
    process::refresh();
    runtime::refresh();
    sign_in::refresh();
}
