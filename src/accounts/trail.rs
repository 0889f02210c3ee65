//! `GET /audit`: who did what, when and from where, as `neodyme audit list` shows it.

use http::Method;
use schemars::{JsonSchema, json_schema};
use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use super::audit::{self, AuditEntry, AuditFilter, Position};
use super::query::{self, id, time};
use crate::error::Result;
use crate::http::{Access, Call, Endpoint, FromQuery, Json, Parameter, Permission, Query, Values};
use crate::state::App;
use crate::text::is_control;
use crate::values::{Personal, timestamp};

/// No action, actor or request id is longer.
const LONGEST: usize = 128;

pub(super) fn endpoints() -> Vec<Endpoint<App>> {
    const ABOUT: &str = "The audit trail, the latest entry first.";
    vec![Endpoint::new(Access::Permitted(Permission::AuditRead), Method::GET, "/audit", ABOUT, list)]
}

/// What is asked for.
struct Asked {
    filter: AuditFilter,
    limit: usize,
}

impl FromQuery for Asked {
    fn parameters() -> Vec<Parameter> {
        let text = || query::text_schema(LONGEST);
        vec![
            Parameter::new("user_id", "Only what happened to this user.", query::id_schema()),
            Parameter::new("actor", "Only what this one did: `anonymous`, `operator`, or a user's id.", text()),
            Parameter::new("action", "Only this action, such as `user.registered`.", text()),
            Parameter::new("since", "Only what happened then or later.", query::time_schema()),
            Parameter::new("until", "Only what happened before.", query::time_schema()),
            Parameter::new("request_id", "Only what this request did.", text()),
            Parameter::new(
                "after",
                "Only what comes behind this: `next` of the page before.",
                json_schema!({ "type": "string", "pattern": Position::PATTERN }),
            ),
            Parameter::new("limit", "The most entries; 50 without it.", query::limit_schema()),
        ]
    }

    fn from_query(values: &Values) -> Result<Self> {
        let filter = AuditFilter {
            user_id: id(values, "user_id")?,
            actor: text(values, "actor")?,
            action: text(values, "action")?,
            since: time(values, "since")?,
            until: time(values, "until")?,
            request_id: text(values, "request_id")?,
            after: query::read(values, "after", Position::parse, || "`next` of the page before".to_owned())?,
        };
        Ok(Asked { filter, limit: query::limit(values)? })
    }
}

fn text(values: &Values, name: &'static str) -> Result<Option<String>> {
    let is_text = |text: &str| text.chars().count() <= LONGEST && !text.contains(is_control);
    let parse = |text: &str| is_text(text).then(|| text.to_owned());
    query::read(values, name, parse, || format!("at most {LONGEST} characters, none of them a control character"))
}

/// The entries that were asked for.
#[derive(Serialize, JsonSchema)]
struct Trail {
    entries: Vec<Entry>,
    /// What `after` is to be for the next page; none on the last.
    next: Option<String>,
    /// Whether there are earlier ones.
    has_more: bool,
}

/// An entry of the audit trail.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AuditEntry")]
struct Entry {
    id: Uuid,
    #[serde(with = "timestamp")]
    #[schemars(with = "timestamp::Moment")]
    occurred_at: OffsetDateTime,
    action: String,
    actor: String,
    user_id: Option<Uuid>,
    client_ip: Option<String>,
    request_id: String,
    trace_id: String,
    details: Value,
}

impl From<AuditEntry> for Entry {
    fn from(entry: AuditEntry) -> Self {
        let AuditEntry { id, occurred_at, action, actor, user_id, client_ip, request_id, trace_id, details } = entry;
        let client_ip = client_ip.map(Personal::into_exposed);
        Entry { id, occurred_at, action, actor, user_id, client_ip, request_id, trace_id, details }
    }
}

async fn list(call: Call<App>, Query(Asked { filter, limit }): Query<Asked>) -> Result<Json<Trail>> {
    let mut entries = {
        let _turn = call.state.db.turn(call.context.client).await?;
        audit::list(&call.state.db, &filter, limit + 1).await?
    };
    let has_more = query::cut(&mut entries, limit);
    let next = entries.last().filter(|_| has_more).map(|entry| entry.position().to_string());
    Ok(Json(Trail { entries: entries.into_iter().map(Into::into).collect(), next, has_more }))
}
