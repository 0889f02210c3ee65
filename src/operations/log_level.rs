//! `GET /log-level` and `PUT /log-level`: what each logger writes, and more or less of it for a while.

mod change;

use std::sync::Arc;

use http::StatusCode;
use serde::Serialize;
use serde_json::json;
use slog::warn;
use time::OffsetDateTime;

use self::change::Change;
use crate::error::Result;
use crate::http::{Context, Request, Response, json};
use crate::state::App;
use crate::telemetry::logging::{LoggerLevel, LoggerName, context, level_name};
use crate::values::timestamp;

#[derive(Serialize)]
struct Levels {
    loggers: Vec<Level>,
}

#[derive(Serialize)]
struct Level {
    logger: &'static str,
    level: &'static str,
    configured: &'static str,
    #[serde(serialize_with = "timestamp::option::serialize")]
    until: Option<OffsetDateTime>,
}

/// Every logger with its level, and until when where that is limited.
pub(super) fn show(app: &App) -> Result<Response> {
    let level = |now: LoggerLevel| Level {
        logger: now.name.as_str(),
        level: level_name(now.level),
        configured: level_name(now.configured),
        until: now.until,
    };
    json(StatusCode::OK, &Levels { loggers: app.log_levels.all().into_iter().map(level).collect() })
}

/// Changes levels for a limited time, and leaves a line about who did.
pub(super) async fn change(app: Arc<App>, asker: Arc<Context>, request: Request) -> Result<Response> {
    let change = Change::parse(&request.read_json(&asker).await?)?;
    // Before the change, which may be to write no such line.
    warn!(asker.logger(LoggerName::App), "Log level changed"; "context" => context(json!({
        "logger": change.logger(),
        "level": level_name(change.level),
        "for": humantime::format_duration(change.duration).to_string(),
        "client_ip": asker.client_ip,
    })));
    for name in &change.loggers {
        app.log_levels.set(*name, change.level, change.duration);
    }
    show(&app)
}
