//! Health: what the service depends on is checked in the background, so that to ask costs microseconds, and any number
//! of load balancers costs no more than one.
//!
//! `Check` is one dependency with its checks, `Judge` what is believed of them, `Beat` the sign of
//! life of the async runtime, [`System`] what the kernel says. What a status means for an answer is in `operations/health`.

mod beat;
pub(crate) mod cgroup;
mod check;
mod judge;
mod machine;
mod probes;
mod system;

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use slog::Logger;
use tokio::task::JoinSet;

use self::beat::Beat;
pub use self::check::Report;
use self::check::{Check, CheckLimits};
pub use self::probes::{Probe, Probes};
use self::system::Sampler;
pub use self::system::System;
use crate::config::Config;
use crate::telemetry::logging::{context, info, warn};
use crate::telemetry::metrics::{Dependency, DependencyStatus, HealthStatus};

/// The health of the service.
pub struct Health {
    /// The database.
    pub database: Check,
    /// The mail server, or the directory that mail is written to.
    pub email: Check,
    /// The analytics service.
    pub analytics: Check,
    /// The sign of life of the async runtime.
    pub beat: Beat,
    system: Sampler,
    started: Instant,
}

/// Creates the series of the checks of services outside, which the first scrape wants to see.
pub fn init_metrics() {
    Dependency::ALL.iter().for_each(|dependency| drop(check::calls(*dependency)));
}

impl Health {
    /// Knows nothing yet; see [`Health::run`].
    pub fn new(config: &Config, probes: Probes) -> Self {
        let health = &config.health;
        let (down_after, up_after) = (health.down_after, health.up_after);
        let (interval, timeout, slow_after) = (health.interval, health.timeout, health.slow_after);
        let database = CheckLimits { interval, timeout, slow_after, down_after, up_after };
        let (interval, timeout) = (health.service_interval, health.service_timeout);
        let service = CheckLimits { interval, timeout, slow_after: health.service_slow_after, ..database };
        Health {
            database: Check::new(Dependency::Database, Some(probes.database), database),
            email: Check::new(Dependency::Email, Some(probes.email), service),
            analytics: Check::new(Dependency::Analytics, probes.analytics, service),
            beat: Beat::new(health.stall_after),
            system: Sampler::new(config),
            started: Instant::now(),
        }
    }

    /// Checks until it is dropped.
    pub async fn run(self: Arc<Self>, log: Logger) {
        let mut tasks = JoinSet::new();
        let checks: [fn(&Health) -> &Check; 3] = [|health| &health.database, |health| &health.email, |h| &h.analytics];
        for check in checks {
            let (health, log) = (Arc::clone(&self), log.clone());
            tasks.spawn(async move { check(&health).run(&log).await });
        }
        let health = Arc::clone(&self);
        tasks.spawn(async move { health.beat.run().await });
        let health = Arc::clone(&self);
        tasks.spawn(async move { health.system.run().await });
        self.follow(&log).await;
    }

    /// How the service is, by what it depends on.
    pub fn status(&self) -> HealthStatus {
        let [database, email, analytics] = self.statuses();
        let well = |status| matches!(status, DependencyStatus::Connected | DependencyStatus::Disabled);
        match database {
            DependencyStatus::Error => HealthStatus::Unhealthy,
            _ if [database, email, analytics].into_iter().all(well) => HealthStatus::Healthy,
            _ => HealthStatus::Degraded,
        }
    }

    /// What the kernel said last.
    pub fn system(&self) -> Option<System> {
        self.system.latest()
    }

    /// How long the service has been running.
    pub fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    fn statuses(&self) -> [DependencyStatus; 3] {
        [&self.database, &self.email, &self.analytics].map(Check::status)
    }

    /// Logs each change of the service's health.
    async fn follow(&self, log: &Logger) {
        let [mut database, mut email, mut analytics] =
            [&self.database, &self.email, &self.analytics].map(Check::subscribe);
        let mut before = HealthStatus::Healthy;
        loop {
            // A sender lives as long as `self` does.
            let _ = tokio::select! {
                changed = database.changed() => changed,
                changed = email.changed() => changed,
                changed = analytics.changed() => changed,
            };
            let status = self.status();
            if status != before {
                tell(log, before, status);
                before = status;
            }
        }
    }
}

fn tell(log: &Logger, from: HealthStatus, to: HealthStatus) {
    let change = context(json!({ "from": from.as_str(), "to": to.as_str() }));
    match to {
        HealthStatus::Healthy => info!(log, "Health changed"; "context" => change),
        HealthStatus::Degraded | HealthStatus::Unhealthy => warn!(log, "Health changed"; "context" => change),
    }
}
