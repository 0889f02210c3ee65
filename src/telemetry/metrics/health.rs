//! What the service depends on, and how it is itself.

use std::time::Duration;

use prometheus::Gauge;

use super::declare::{GaugeBy, metrics};
use super::registry::unix_now;
use crate::label::labels;

labels! {
    /// What the service depends on.
    pub enum Dependency("dependency") {
        /// Where the users are.
        Database = "database",
        /// The mail server, or the directory that mail is written to.
        Email = "email",
        /// The analytics service.
        Analytics = "analytics",
    }
}

labels! {
    /// How a dependency is. What comes later is worse, but for the last.
    pub enum DependencyStatus("status") {
        /// It answers in time.
        Connected = "connected",
        /// It answers, later than it should.
        Slow = "slow",
        /// It does not answer, or not as it should.
        Error = "error",
        /// It is not used.
        Disabled = "disabled",
    }
}

labels! {
    /// How the service is.
    pub enum HealthStatus("status") {
        /// As it should be.
        Healthy = "healthy",
        /// It registers users; something that it depends on is slow, or does not work.
        Degraded = "degraded",
        /// It cannot register users.
        Unhealthy = "unhealthy",
    }
}

impl HealthStatus {
    /// Whether the service can register users.
    pub fn is_usable(self) -> bool {
        self != HealthStatus::Unhealthy
    }
}

metrics! { touch;
    UP: GaugeBy<Dependency> = "dependency_up", "0 while the dependency does not work; 1 while it does, is slow, is not used, or was not checked yet.";
    STATUS: GaugeBy<(Dependency, DependencyStatus)> = "dependency_status", "1 for the dependency's status, 0 for the others; all 0 before the first check.";
    DURATION: GaugeBy<Dependency> = "dependency_check_duration_seconds", "Time that the last check of the dependency took.";
    LAST_CHECK: GaugeBy<Dependency> = "dependency_last_check_timestamp_seconds", "When the dependency was last checked, in seconds since the epoch; 0 = never, or it is not used.";
    LAST_SUCCESS: GaugeBy<Dependency> = "dependency_last_success_timestamp_seconds", "When a check of the dependency last succeeded, in seconds since the epoch; 0 = never, or it is not used.";
    HEALTH: GaugeBy<HealthStatus> = "health_status", "1 for the service's health, 0 for the others.";
    READY: Gauge = "ready", "1 while /health/ready says 200.";
}

pub(super) fn init() {
    touch();
    Dependency::ALL.iter().for_each(|dependency| UP.at(*dependency).set(1.0));
}

/// A check of the dependency ended.
pub fn dependency_checked(dependency: Dependency, ok: bool, took: Duration) {
    let now = unix_now();
    DURATION.at(dependency).set(took.as_secs_f64());
    LAST_CHECK.at(dependency).set(now);
    if ok {
        LAST_SUCCESS.at(dependency).set(now);
    }
}

/// The dependency's status, as the last checks found it.
pub fn dependency_status(dependency: Dependency, status: DependencyStatus) {
    UP.at(dependency).set(f64::from(status != DependencyStatus::Error));
    for other in DependencyStatus::ALL {
        STATUS.at((dependency, *other)).set(f64::from(*other == status));
    }
}

/// The service's health, and whether it takes requests.
pub fn health(status: HealthStatus, ready: bool) {
    for other in HealthStatus::ALL {
        HEALTH.at(*other).set(f64::from(*other == status));
    }
    READY.set(f64::from(ready));
}
