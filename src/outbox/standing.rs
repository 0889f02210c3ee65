//! How a topic stands, for people: what was counted last, without a question to the database.

use super::station::Station;
use crate::error::ErrorCode;
use crate::telemetry::metrics::{DeadReason, ExternalService, OpenState};
use crate::values::job::{Reason, TopicName};

/// How a topic stands.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Its name.
    pub name: TopicName,
    /// The service that its deliveries call.
    pub service: ExternalService,
    /// The type of the errors that its failures are.
    pub error: ErrorCode,
    /// Jobs that wait.
    pub pending: u64,
    /// Jobs that are being delivered.
    pub running: u64,
    /// Jobs that were given up.
    pub dead: u64,
    /// Those by the reason of their last failure.
    pub deaths: Vec<(DeadReason, u64)>,
    /// When the oldest job that waits was caused, in seconds since the epoch.
    pub oldest: Option<f64>,
    /// Whether its service fails and is left alone.
    pub is_left_alone: bool,
    /// What somebody has to mend before anything is delivered.
    pub fault: Option<Reason>,
}

impl Standing {
    pub(super) fn of(station: &Station) -> Self {
        let Station { about, metrics, .. } = station;
        Standing {
            name: about.name,
            service: about.service,
            error: about.error,
            pending: metrics.counted(OpenState::Pending),
            running: metrics.counted(OpenState::Running),
            dead: metrics.counted(OpenState::Dead),
            deaths: metrics.deaths(),
            oldest: metrics.oldest(),
            is_left_alone: metrics.is_left_alone(),
            fault: metrics.fault(),
        }
    }
}
