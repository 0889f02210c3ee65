//! Whether the service gets the processor that it asks for can be told from what it says of itself.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends by panicking")]

mod common;

use std::path::Path;
use std::process::{Child, Command, Stdio};

use common::app::{AppOptions, TestApp};
use common::database::Backend;
use common::eventually;
use common::load::Load;
use common::scrape::metric;

/// Tasks that want the processor all the time.
struct Neighbours(Vec<Child>);

impl Neighbours {
    fn on_processor(number: &str, count: usize) -> Neighbours {
        let neighbour = |_| {
            let busy = ["-c", number, "sh", "-c", "while :; do :; done"];
            Command::new("taskset").args(busy).stdout(Stdio::null()).spawn().unwrap()
        };
        Neighbours((0..count).map(neighbour).collect())
    }
}

impl Drop for Neighbours {
    fn drop(&mut self) {
        for neighbour in &mut self.0 {
            let _ = neighbour.kill();
            let _ = neighbour.wait();
        }
    }
}

/// Wall time and CPU time of hashes so far.
async fn hashing(app: &TestApp) -> [f64; 2] {
    let wall = metric("neodyme_password_hash_duration_seconds_sum").label("operation", "hash");
    [wall.read(app).await, metric("neodyme_password_hash_cpu_seconds_total").read(app).await]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hash_that_waits_for_its_processor_takes_longer_than_it_computes() {
    let options =
        AppOptions::on(Backend::Sqlite).set("password_argon2_memory_kib", 19456).set("password_argon2_iterations", 2);
    let app = TestApp::spawn(options).await;
    let moved = Command::new("taskset").args(["-a", "-c", "-p", "0", &app.pid().to_string()]).output().unwrap();
    assert!(moved.status.success(), "{moved:?}");
    let neighbours = Neighbours::on_processor("0", 4);
    let before = hashing(&app).await;
    let load = Load::start(&app, 2);
    load.wait_for_accepted(20).await;
    let after = hashing(&app).await;
    load.stop().await;
    let [wall, cpu] = [0, 1].map(|which| after[which] - before[which]);
    assert!(cpu > 0.0 && wall > 2.0 * cpu, "{wall} s on their workers, {cpu} s on a processor");

    // All of that is told to whoever asks why.
    let busy = async || (metric("neodyme_machine_cpu_seconds_total").read(&app).await > 0.0).then_some(());
    eventually("the machine is known", busy).await;
    let one = async || (metric("neodyme_cpu_cores").read(&app).await == 1.0).then_some(());
    eventually("it may use one processor", one).await;
    if Path::new("/proc/pressure/cpu").exists() {
        let pressure = metric("neodyme_cpu_pressure_seconds_total").label("on", "machine");
        let first = pressure.clone().read(&app).await;
        let rises = async || (pressure.clone().read(&app).await > first).then_some(());
        eventually("the pressure rises", rises).await;
    }
    drop(neighbours);
}
