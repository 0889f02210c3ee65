//! Signals: the first that asks for the end drains the service, the second ends it at once; no other ends it.

mod ignored;

use std::time::Duration;

use slog::Logger;
use tokio::signal::unix::{Signal, SignalKind, signal};

pub(super) use self::ignored::ignore;
use crate::lifecycle::{Lifecycle, Phase};
use crate::telemetry::logging::{context, info};

/// The exit code of a service that was not allowed to finish: 128 + SIGINT, as a shell counts.
const ENDED_AT_ONCE: i32 = 130;

/// The signals that ask for the end.
struct Ends {
    terminate: Signal,
    interrupt: Signal,
    quit: Signal,
}

pub(super) fn watch(lifecycle: Lifecycle, delay: Duration, log: Logger) -> std::io::Result<()> {
    let mut ends = Ends {
        terminate: signal(SignalKind::terminate())?,
        interrupt: signal(SignalKind::interrupt())?,
        quit: signal(SignalKind::quit())?,
    };
    tokio::spawn(async move {
        let name = ends.next().await;
        info!(log, "Shutting down"; "context" => context(serde_json::json!({ "signal": name })));
        tokio::spawn(async move {
            ends.next().await;
            std::process::exit(ENDED_AT_ONCE);
        });
        lifecycle.advance(Phase::Draining);
        tokio::time::sleep(delay).await;
        lifecycle.advance(Phase::Closing);
    });
    Ok(())
}

impl Ends {
    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.quit.recv() => "SIGQUIT",
        }
    }
}
