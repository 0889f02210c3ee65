//! People who register, each from an address of their own.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval_at};

use crate::common::app::{fresh_email, user};
use crate::common::http::{self, Answer};

/// As many as it takes to keep the workers busy.
const CLIENTS_WITHOUT_PAUSE: u32 = 16;
/// Nobody registers more often, whatever the load: limits are for others.
const SECONDS_BETWEEN: f64 = 4.0;

/// One registration.
#[derive(Clone, Debug)]
pub struct Attempt {
    pub email: String,
    /// The status of the answer, if there was one.
    pub status: Option<u16>,
    pub took: Duration,
}

/// A load that goes on until it is stopped.
pub struct Honest {
    stopping: Arc<AtomicBool>,
    clients: JoinSet<Vec<Attempt>>,
}

impl Honest {
    /// Some clients who send the next registration as soon as the last is answered.
    pub fn without_pause(url: &str) -> Honest {
        Honest::start(url, CLIENTS_WITHOUT_PAUSE, Duration::from_micros(1))
    }

    /// So many registrations a second, however long the answers take, from as many clients as that needs.
    pub fn paced(url: &str, rate: f64) -> Honest {
        let clients = (rate * SECONDS_BETWEEN).ceil().max(1.0);
        Honest::start(url, clients as u32, Duration::from_secs_f64(clients / rate))
    }

    fn start(url: &str, clients: u32, pause: Duration) -> Honest {
        let mut load = Honest { stopping: Arc::default(), clients: JoinSet::new() };
        for number in 0..clients {
            let address = Ipv4Addr::from_bits(Ipv4Addr::new(127, 1, 0, 1).to_bits() + number);
            let (client, url) = (http::builder().local_address(IpAddr::V4(address)).build().unwrap(), url.to_owned());
            let (stopping, first) = (load.stopping.clone(), pause * number / clients);
            load.clients.spawn(async move {
                let mut pace = interval_at(tokio::time::Instant::now() + first, pause);
                pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
                let mut attempts = Vec::new();
                while !stopping.load(Ordering::Relaxed) {
                    pace.tick().await;
                    attempts.push(register(&client, &url).await);
                }
                attempts
            });
        }
        load
    }

    /// Lets every client finish its request.
    pub async fn stop(self) -> Vec<Attempt> {
        self.stopping.store(true, Ordering::Relaxed);
        self.clients.join_all().await.concat()
    }
}

async fn register(client: &reqwest::Client, url: &str) -> Attempt {
    let (email, began) = (fresh_email(), Instant::now());
    let answer = Answer::to(client.post(url).json(&user(&email))).await;
    Attempt { email, status: answer.ok().map(|answer| answer.status), took: began.elapsed() }
}
