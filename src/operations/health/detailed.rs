//! `GET /health/detailed`: everything on one page.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::{Head, code_of, wants_fresh};
use crate::error::Result;
use crate::health::{Report, System};
use crate::http::{Request, Response, json};
use crate::state::App;
use crate::telemetry::metrics::{self, Summary};

#[derive(Serialize)]
struct Detailed {
    #[serde(flatten)]
    head: Head,
    uptime_seconds: u64,
    uptime: String,
    checks: Checks,
    metrics: Figures,
    system: Option<System>,
}

#[derive(Serialize)]
struct Figures {
    #[serde(flatten)]
    summary: Summary,
    /// Jobs that wait, by topic.
    outbox_pending: BTreeMap<&'static str, u64>,
}

#[derive(Serialize)]
struct Checks {
    database: Report,
    email_service: Report,
    analytics_service: Report,
}

/// 503 while the database cannot be used. Email and analytics may be down: registrations go on without them.
pub(super) async fn report(app: Arc<App>, request: Request) -> Result<Response> {
    let checks = look(&app, wants_fresh(&request)).await;
    let (status, uptime) = (app.health.status(), app.health.uptime().as_secs());
    let answer = Detailed {
        head: Head::new(status.as_str()),
        uptime_seconds: uptime,
        uptime: humantime::format_duration(Duration::from_secs(uptime)).to_string(),
        checks,
        metrics: Figures { summary: metrics::summary(), outbox_pending: app.outbox.pending() },
        system: app.health.system(),
    };
    json(code_of(status), &answer)
}

async fn look(app: &App, fresh: bool) -> Checks {
    let health = &app.health;
    let (database, email_service, analytics_service) = if fresh {
        tokio::join!(health.database.fresh_report(), health.email.fresh_report(), health.analytics.fresh_report())
    } else {
        tokio::join!(health.database.report(), health.email.report(), health.analytics.report())
    };
    Checks { database, email_service, analytics_service }
}
