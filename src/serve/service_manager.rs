//! What systemd is told: ready, alive, stopping. Without `NOTIFY_SOCKET`, nothing.
//!
//! Protocol: <https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html>.

use std::env;
use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram as StdUnixDatagram};
use std::time::Duration;

use slog::Logger;
use tokio::net::UnixDatagram;

use crate::lifecycle::{Lifecycle, Phase};
use crate::telemetry::logging::{Exception, context, warn};

/// Tells systemd when the service is ready, and when it stops; ends then.
pub(super) async fn tell_phases(lifecycle: Lifecycle, log: Logger) {
    lifecycle.reached(Phase::Ready).await;
    tell("READY=1", &log).await;
    lifecycle.reached(Phase::Draining).await;
    tell("STOPPING=1", &log).await;
}

/// Beats at half of the watchdog's time, for as long as the runtime turns.
pub(super) async fn keep_alive(log: Logger) {
    let Some(limit) = watchdog_limit() else { return };
    let mut beats = tokio::time::interval((limit / 2).max(Duration::from_millis(1)));
    loop {
        beats.tick().await;
        tell("WATCHDOG=1", &log).await;
    }
}

/// The time of the watchdog, if there is one and it watches this process.
fn watchdog_limit() -> Option<Duration> {
    let number = |name: &str| env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let is_ours = number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(std::process::id()));
    number("WATCHDOG_USEC").filter(|_| is_ours).map(Duration::from_micros)
}

async fn tell(state: &'static str, log: &Logger) {
    let Some(socket) = env::var_os("NOTIFY_SOCKET") else { return };
    if let Err(error) = send(&socket, state).await {
        warn!(log, "The service manager cannot be told"; "exception" => Exception::of(&error),
            "context" => context(serde_json::json!({ "state": state })));
    }
}

/// Sends without blocking the thread: systemd may be slow to read.
async fn send(socket: &OsStr, state: &str) -> io::Result<()> {
    let address = match socket.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        _ => SocketAddr::from_pathname(socket)?,
    };
    let socket = StdUnixDatagram::unbound()?;
    socket.connect_addr(&address)?;
    socket.set_nonblocking(true)?;
    UnixDatagram::from_std(socket)?.send(state.as_bytes()).await?;
    Ok(())
}
