//! Whether this instance should get requests.

use crate::lifecycle::Phase;
use crate::state::App;
use crate::telemetry::metrics::{self, DependencyStatus};

/// Why the service is not ready. Without its tables it does not start at all, so that is not among them.
pub(super) fn reasons(app: &App) -> Vec<&'static str> {
    let phase = app.lifecycle.phase();
    let all = [
        (phase == Phase::Starting, "starting"),
        (phase >= Phase::Draining, "shutting_down"),
        (app.health.database.status() == DependencyStatus::Error, "database_unusable"),
        (app.hash_pool.is_saturated(), "hash_queue_saturated"),
    ];
    all.into_iter().filter(|(holds, _)| *holds).map(|(_, reason)| reason).collect()
}

/// The gauges that follow from several things at once; called before each exposition.
pub(super) fn refresh_metrics(app: &App) {
    metrics::health(app.health.status(), reasons(app).is_empty());
}
