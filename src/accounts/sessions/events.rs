//! What happens to sessions.

use std::net::IpAddr;

use serde_json::json;
use slog::Logger;
use uuid::Uuid;

use crate::telemetry::Event;
use crate::telemetry::logging::{context, debug, warn};
use crate::telemetry::metrics::{self, RefreshOutcome, SessionEnd};

/// A refresh ended, well or not.
pub(super) struct RefreshEnded {
    pub(super) outcome: RefreshOutcome,
}

/// A token came again long after it was used: two have the tokens of one session.
pub(super) struct Reused {
    pub(super) session_id: Uuid,
    pub(super) client_ip: IpAddr,
}

impl Event for RefreshEnded {
    fn emit(self, log: &Logger) {
        metrics::token_refresh(self.outcome);
        debug!(log, "Session refreshed"; "context" => context(json!({ "outcome": self.outcome.as_str() })));
    }
}

impl Event for Reused {
    fn emit(self, log: &Logger) {
        let Reused { session_id, client_ip } = self;
        metrics::sessions_ended(SessionEnd::Reuse, 1);
        warn!(log, "A refresh token came again, and its session was ended"; "context" => context(json!({
            "session_id": session_id, "client_ip": client_ip,
        })));
    }
}
