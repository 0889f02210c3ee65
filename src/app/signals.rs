//! SIGTERM and SIGINT: the first drains the service, the second ends it at once.

use std::time::Duration;

use slog::{Logger, info};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::lifecycle::{Lifecycle, Phase};
use crate::logging::context;

/// The exit code of a service that was not allowed to finish: 128 + SIGINT, as a shell counts.
const ENDED_AT_ONCE: i32 = 130;

pub(super) fn watch(lifecycle: Lifecycle, delay: Duration, log: Logger) -> std::io::Result<()> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::spawn(async move {
        let name = either(&mut terminate, &mut interrupt).await;
        info!(log, "Shutting down"; "context" => context(serde_json::json!({ "signal": name })));
        tokio::spawn(async move {
            either(&mut terminate, &mut interrupt).await;
            std::process::exit(ENDED_AT_ONCE);
        });
        lifecycle.advance(Phase::Draining);
        tokio::time::sleep(delay).await;
        lifecycle.advance(Phase::Closing);
    });
    Ok(())
}

async fn either(terminate: &mut Signal, interrupt: &mut Signal) -> &'static str {
    tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    }
}
