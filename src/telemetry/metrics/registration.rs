//! Registration: attempts, outcomes, steps, and the users there are.

use std::collections::BTreeMap;
use std::time::Duration;

use prometheus::IntCounter;

use super::declare::{CounterBy, GaugeBy, HistogramBy, metrics};
use super::registry::{self, INTERNAL, LATENCY, LATENCY_BUCKETS};
use crate::label::labels;

labels! {
    /// How a registration ended.
    pub enum RegistrationOutcome("outcome") {
        /// The user exists.
        Success = "success",
        /// It was sent before, with the same `Idempotency-Key`, and answered as then.
        Repeated = "repeated",
        /// The address was registered already.
        Duplicate = "duplicate",
        /// The request was not a valid registration.
        Invalid = "invalid",
        /// The client registers too often.
        RateLimited = "rate_limited",
        /// The client waited for a second or more, and went away.
        Cancelled = "cancelled",
        /// The client went away within a second: it did not want the answer, or had learned from the time alone.
        HungUp = "hung_up",
        /// The service failed.
        Error = "error",
    }
}

labels! {
    /// How a registration ended whose time is measured.
    pub enum DurationOutcome("outcome") {
        /// The user exists.
        Success = "success",
        /// The service failed.
        Error = "error",
    }
}

labels! {
    /// The steps of a registration, in their order.
    pub enum Step("step") {
        /// Reading and checking the body.
        Validate = "validate",
        /// Looking for the address.
        CheckExisting = "check_existing",
        /// Hashing the password, with the wait for a worker.
        HashPassword = "hash_password",
        /// Writing the user and what belongs to it, up to the end of the commit.
        CreateUser = "create_user",
    }
}

labels! {
    /// How a step of a registration ended.
    pub enum StepOutcome("outcome") {
        /// The registration went on.
        Ok = "ok",
        /// It ended here as it should: its request was invalid, or its address taken.
        Refused = "refused",
        /// It ended here because the service failed.
        Error = "error",
    }
}

labels! {
    /// What a user did, or tried to do.
    pub enum UserAction("action") {
        /// A registration that ended, well or not.
        UserRegistered = "user_registered",
        /// A registration of an address that is taken.
        RegistrationDuplicate = "registration_duplicate",
        /// A user row that was written.
        UserCreated = "user_created",
    }
}

labels! {
    /// Whether an action had its effect.
    pub enum ActionOutcome("outcome") {
        /// It had.
        Success = "success",
        /// It had not.
        Failure = "failure",
    }
}

labels! {
    /// The state of a user.
    pub enum UserState("state") {
        /// May use the service.
        Active = "active",
        /// Was switched off.
        Inactive = "inactive",
    }
}

metrics! { init;
    ATTEMPTS: IntCounter = "registration_attempts_total", "Registrations begun. Less the sum of neodyme_registrations_total: those in flight.";
    OUTCOMES: CounterBy<RegistrationOutcome> = "registrations_total", "Registrations ended, by outcome.";
    DURATION: HistogramBy<DurationOutcome> = "registration_duration_seconds" in LATENCY, "Time from a registration's begin to its end, of those that only the service could spoil.";
    STEPS: HistogramBy<(Step, StepOutcome)> = "registration_step_duration_seconds" in INTERNAL, "Time spent in each step of a registration. It ended at this step: `error` by a fault of the service, `refused` without.";
    ACTIONS: CounterBy<(UserAction, ActionOutcome)> = "user_actions_total", "What users did or tried, by action and outcome.";
    USERS: GaugeBy<UserState> = "users", "Users in the database, refreshed in the background; aggregate over instances with max.";
}

/// A registration begins.
pub fn registration_attempt() {
    ATTEMPTS.inc();
}

/// A registration ended.
pub fn registration(outcome: RegistrationOutcome, took: Duration) {
    OUTCOMES.at(outcome).inc();
    let duration = match outcome {
        RegistrationOutcome::Success => DURATION.at(DurationOutcome::Success),
        RegistrationOutcome::Error => DURATION.at(DurationOutcome::Error),
        _ => return,
    };
    duration.observe(took.as_secs_f64());
}

/// A step of a registration ended.
pub fn registration_step(step: Step, outcome: StepOutcome, took: Duration) {
    STEPS.at((step, outcome)).observe(took.as_secs_f64());
}

/// A user acted.
pub fn user_action(action: UserAction, outcome: ActionOutcome) {
    ACTIONS.at((action, outcome)).inc();
}

/// How many users there are.
pub fn users(active: u64, inactive: u64) {
    USERS.at(UserState::Active).set(active as f64);
    USERS.at(UserState::Inactive).set(inactive as f64);
}

/// Registrations ended, by outcome.
pub(super) fn by_outcome() -> BTreeMap<&'static str, u64> {
    RegistrationOutcome::ALL.iter().map(|outcome| (outcome.as_str(), OUTCOMES.at(*outcome).get())).collect()
}

/// How long successful registrations took.
pub(super) fn took() -> [u64; LATENCY_BUCKETS] {
    registry::took(DURATION.at(DurationOutcome::Success))
}
