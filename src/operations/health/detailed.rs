//! `GET /health/detailed`: everything on one page.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::fresh::Fresh;
use super::head::Head;
use crate::error::Result;
use crate::health::{Report, System};
use crate::http::{Call, Checked, Query};
use crate::state::App;
use crate::telemetry::metrics::{self, Summary};
use crate::tokens::Standing;

#[derive(Serialize, schemars::JsonSchema)]
pub(super) struct Detailed {
    #[serde(flatten)]
    head: Head,
    uptime_seconds: u64,
    uptime: String,
    checks: Checks,
    signing_key: SigningKey,
    metrics: Figures,
    system: Option<System>,
}

#[derive(Serialize, schemars::JsonSchema)]
pub(super) struct Figures {
    #[serde(flatten)]
    summary: Summary,
    /// Jobs that wait, by topic.
    outbox_pending: BTreeMap<&'static str, u64>,
}

#[derive(Serialize, schemars::JsonSchema)]
pub(super) struct Checks {
    database: Report,
    email_service: Report,
    analytics_service: Report,
}

/// The key that access tokens are signed with: where it is not usable, this instance signs nobody in.
#[derive(Serialize, schemars::JsonSchema)]
pub(super) struct SigningKey {
    usable: bool,
    /// Its name in tokens; none where there is no key.
    kid: Option<String>,
    /// Keys whose tokens are believed.
    keys: usize,
    /// Whether the next one can be read too; true where there is none.
    next_usable: bool,
}

impl From<Standing> for SigningKey {
    fn from(Standing { keys, signer, unreadable_next }: Standing) -> Self {
        let usable = signer.as_ref().is_some_and(|signer| signer.is_usable);
        SigningKey { usable, kid: signer.map(|signer| signer.kid), keys, next_usable: unreadable_next.is_none() }
    }
}

/// Not good while the database cannot be used. Email and analytics may be down: registrations go on without them.
pub(super) async fn report(call: Call<App>, Query(fresh): Query<Fresh>) -> Result<Checked<Detailed>> {
    let app = &*call.state;
    let checks = look(app, fresh).await;
    let (status, uptime) = (app.health.status(), app.health.uptime().as_secs());
    let body = Detailed {
        head: Head::new(status.as_str()),
        uptime_seconds: uptime,
        uptime: humantime::format_duration(Duration::from_secs(uptime)).to_string(),
        checks,
        signing_key: app.keyring.standing().into(),
        metrics: Figures { summary: metrics::summary(), outbox_pending: app.outbox.pending() },
        system: app.health.system(),
    };
    Ok(Checked { is_good: status.is_usable(), body })
}

async fn look(app: &App, fresh: Fresh) -> Checks {
    let health = &app.health;
    let (database, email_service, analytics_service) = if fresh.0 {
        tokio::join!(health.database.fresh_report(), health.email.fresh_report(), health.analytics.fresh_report())
    } else {
        tokio::join!(health.database.report(), health.email.report(), health.analytics.report())
    };
    Checks { database, email_service, analytics_service }
}
