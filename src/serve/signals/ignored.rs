//! Signals that would end the service, or stop it, and are not meant so: each is a line in the log, and nothing else.

use std::future::poll_fn;
use std::io::{self, IsTerminal};
use std::task::Poll;
use std::time::Duration;

use serde_json::json;
use slog::Logger;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::Instant;

use crate::telemetry::logging::{context, warn};

/// One that comes again sooner is not told again: the line itself may be what sets it off (SIGXFSZ).
const PAUSE: Duration = Duration::from_secs(10);

/// Name, number on Linux, and what to do instead.
type Known = (&'static str, i32, &'static str);

const KNOWN: &[Known] = &[
    ("SIGHUP", 1, "nothing is read again: restart the service for new settings, secrets, certificates or templates"),
    ("SIGUSR1", 10, "to see more in the log for a while, use PUT /log-level of the operations listener"),
    ("SIGUSR2", 12, "to see more in the log for a while, use PUT /log-level of the operations listener"),
    ("SIGALRM", 14, NOTHING),
    ("SIGSTKFLT", 16, NOTHING),
    ("SIGXCPU", 24, "the processor time is limited and used up: raise LimitCPU= of systemd, or ulimit -t"),
    ("SIGXFSZ", 25, "a file has grown to its largest size: raise LimitFSIZE= of systemd, or ulimit -f"),
    ("SIGVTALRM", 26, NOTHING),
    ("SIGPROF", 27, NOTHING),
    ("SIGIO", 29, NOTHING),
    ("SIGPWR", 30, NOTHING),
];
const NOTHING: &str = "it means nothing to this service; SIGTERM ends it";

/// From SIGRTMIN, as the C library of GNU leaves it, to SIGRTMAX.
const REAL_TIME: std::ops::RangeInclusive<i32> = 34..=64;

/// Those that a terminal stops a program with; nobody else means to stop a service.
const OF_TERMINALS: &[Known] = &[("SIGTSTP", 20, NOTHING), ("SIGTTIN", 21, NOTHING), ("SIGTTOU", 22, NOTHING)];

struct Ignored {
    name: &'static str,
    signal: Signal,
    remedy: &'static str,
    told: Option<Instant>,
}

/// Lets these signals do nothing from now on, and tells of them until the runtime ends.
pub(in crate::serve) fn ignore(log: Logger) -> io::Result<()> {
    let of_terminals = if is_on_terminal() { &[] } else { OF_TERMINALS };
    let of_real_time = REAL_TIME.map(|number| ("a real-time signal", number, NOTHING));
    let known = KNOWN.iter().chain(of_terminals).copied().chain(of_real_time);
    let mut all = known.map(Ignored::new).collect::<io::Result<Vec<_>>>()?;
    tokio::spawn(async move {
        loop {
            let come = next(&mut all).await;
            if come.told.is_none_or(|told| told.elapsed() >= PAUSE) {
                come.told = Some(Instant::now());
                warn!(log, "Signal ignored"; "context" => context(json!({ "signal": come.name, "remedy": come.remedy })));
            }
        }
    });
    Ok(())
}

fn is_on_terminal() -> bool {
    io::stdin().is_terminal() || io::stdout().is_terminal() || io::stderr().is_terminal()
}

impl Ignored {
    fn new((name, number, remedy): Known) -> io::Result<Self> {
        Ok(Ignored { name, signal: signal(SignalKind::from_raw(number))?, remedy, told: None })
    }
}

/// The next of them to come.
async fn next(all: &mut [Ignored]) -> &mut Ignored {
    let at = poll_fn(|cx| match all.iter_mut().position(|ignored| ignored.signal.poll_recv(cx).is_ready()) {
        Some(at) => Poll::Ready(at),
        None => Poll::Pending,
    })
    .await;
    &mut all[at]
}
