//! What systemd is told, on a real socket.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends by panicking")]

mod common;

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::{Duration, Instant};

use common::PATIENCE;
use common::app::{AppOptions, TestApp};
use common::database::Backend;

/// The end that systemd has.
struct Manager(UnixDatagram);

impl Manager {
    fn at(address: &SocketAddr) -> Manager {
        let socket = UnixDatagram::bind_addr(address).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Manager(socket)
    }

    fn next(&self) -> String {
        let mut message = [0; 256];
        let length = self.0.recv(&mut message).expect("a message from the service");
        std::str::from_utf8(&message[..length]).unwrap().trim_end().to_owned()
    }

    fn next_but(&self, other: &str) -> String {
        std::iter::repeat_with(|| self.next()).find(|message| message != other).unwrap()
    }
}

fn options(socket: &str) -> AppOptions {
    AppOptions::on(Backend::Sqlite).variable("NOTIFY_SOCKET", socket)
}

#[tokio::test]
async fn systemd_is_told_when_the_service_is_ready_and_when_it_stops() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let manager = Manager::at(&SocketAddr::from_pathname(&path).unwrap());
    let mut app = TestApp::spawn(options(path.to_str().unwrap())).await;
    assert_eq!(manager.next(), "READY=1");
    assert!(app.stop().await.success());
    assert_eq!(manager.next(), "STOPPING=1", "and nothing in between: no watchdog was asked for");
}

#[tokio::test]
async fn the_watchdog_hears_a_beat_at_half_of_its_time() {
    let name = format!("neodyme-test-{}", std::process::id());
    let manager = Manager::at(&SocketAddr::from_abstract_name(&name).unwrap());
    let app = options(&format!("@{name}")).variable("WATCHDOG_USEC", 400_000);
    let mut app = TestApp::spawn(app).await;
    assert_eq!(manager.next_but("WATCHDOG=1"), "READY=1");
    let (began, beats) = (Instant::now(), 5);
    for _ in 0..beats {
        assert_eq!(manager.next(), "WATCHDOG=1");
    }
    // Four pauses of 200 ms at least; one that was sent before may have waited.
    assert!(began.elapsed() >= Duration::from_millis(500), "{:?}", began.elapsed());
    assert!(app.stop().await.success());
    assert_eq!(manager.next_but("WATCHDOG=1"), "STOPPING=1");
}

#[tokio::test]
async fn a_service_manager_that_is_gone_does_no_harm() {
    let app = TestApp::spawn(options("/nowhere/notify").variable("WATCHDOG_USEC", 400_000)).await;
    app.wait_for_log("a warning", |line| line["message"] == "The service manager cannot be told").await;
    assert_eq!(app.get("/health/").await.status, 200);
}
