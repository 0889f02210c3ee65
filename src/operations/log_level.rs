//! `GET /log-level` and `PUT /log-level`: what each logger writes, and more or less of it for a while.

mod change;

use http::Method;
use serde::Serialize;
use serde_json::json;
use time::OffsetDateTime;

use self::change::Change;
use crate::error::Result;
use crate::http::{Access, Call, Endpoint, Json};
use crate::state::App;
use crate::telemetry::logging::{LoggerLevel, LoggerName, context, level_name, warn};
use crate::values::timestamp;

#[derive(Serialize, schemars::JsonSchema)]
struct Levels {
    loggers: Vec<Level>,
}

#[derive(Serialize, schemars::JsonSchema)]
struct Level {
    logger: &'static str,
    level: &'static str,
    configured: &'static str,
    #[serde(serialize_with = "timestamp::option::serialize")]
    #[schemars(with = "Option<timestamp::Moment>")]
    until: Option<OffsetDateTime>,
}

/// The lines of the table.
pub(super) fn endpoints() -> Vec<Endpoint<App>> {
    const SHOW: &str = "What each logger writes. PUT changes it for a limited time.";
    const CHANGE: &str = "Changes what loggers write, for a limited time.";
    vec![
        Endpoint::new(Access::Token, Method::GET, "/log-level", SHOW, show).always(),
        Endpoint::new(Access::TokenAlways, Method::PUT, "/log-level", CHANGE, change).always(),
    ]
}

/// Every logger with its level, and until when where that is limited.
async fn show(call: Call<App>, (): ()) -> Result<Json<Levels>> {
    Ok(Json(Levels::of(&call.state)))
}

/// Changes levels for a limited time, and leaves a line about who did.
async fn change(call: Call<App>, Json(change): Json<Change>) -> Result<Json<Levels>> {
    // Before the change, which may be to write no such line.
    warn!(call.context.logger(LoggerName::App), "Log level changed"; "context" => context(json!({
        "logger": change.loggers.as_str(),
        "level": level_name(change.level.0),
        "for": humantime::format_duration(change.duration.0).to_string(),
        "client_ip": call.context.client_ip,
    })));
    for name in change.loggers.names() {
        call.state.log_levels.set(*name, change.level.0, change.duration.0);
    }
    Ok(Json(Levels::of(&call.state)))
}

impl Levels {
    fn of(app: &App) -> Levels {
        let level = |now: LoggerLevel| Level {
            logger: now.name.as_str(),
            level: level_name(now.level),
            configured: level_name(now.configured),
            until: now.until,
        };
        Levels { loggers: app.log_levels.all().into_iter().map(level).collect() }
    }
}
