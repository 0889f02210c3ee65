//! Clients that register one user after the other until they are told to stop.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use tokio::task::JoinSet;

use super::app::{TestApp, fresh_email, user};
use super::eventually;
use super::http::{self, Answer};

/// One registration that was sent.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The address.
    pub email: String,
    /// The answer's status, or why there is none.
    pub result: Result<u16, Failure>,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// No connection: the request was never sent.
    Refused,
    /// The connection broke.
    Broken(String),
}

impl Attempt {
    /// Whether the client holds a 201.
    pub fn is_accepted(&self) -> bool {
        self.result == Ok(201)
    }
}

/// A running load.
pub struct Load {
    attempts: Arc<Mutex<Vec<Attempt>>>,
    stopping: Arc<AtomicBool>,
    clients: JoinSet<()>,
}

impl Load {
    /// Starts so many clients, each with one connection.
    pub fn start(app: &TestApp, clients: usize) -> Load {
        Load::start_with(app, clients, http::client)
    }

    /// Starts so many clients of this kind.
    pub fn start_with(app: &TestApp, clients: usize, client: impl Fn() -> reqwest::Client) -> Load {
        let mut load = Load { attempts: Arc::default(), stopping: Arc::default(), clients: JoinSet::new() };
        for _ in 0..clients {
            let (attempts, stopping) = (load.attempts.clone(), load.stopping.clone());
            let (client, url) = (client(), format!("{}/users/", app.api_url()));
            load.clients.spawn(async move {
                while !stopping.load(Ordering::Relaxed) {
                    let attempt = attempt(&client, &url).await;
                    attempts.lock().unwrap().push(attempt);
                }
            });
        }
        load
    }

    /// Waits until so many users were accepted.
    pub async fn wait_for_accepted(&self, count: usize) {
        let accepted = || self.attempts.lock().unwrap().iter().filter(|attempt| attempt.is_accepted()).count();
        eventually(&format!("{count} users are accepted"), async || (accepted() >= count).then_some(())).await;
    }

    /// Lets every client finish its request, and returns all attempts.
    pub async fn stop(mut self) -> Vec<Attempt> {
        self.stopping.store(true, Ordering::Relaxed);
        while let Some(ended) = self.clients.join_next().await {
            ended.unwrap();
        }
        self.attempts.lock().unwrap().clone()
    }
}

async fn attempt(client: &reqwest::Client, url: &str) -> Attempt {
    let email = fresh_email();
    let answer = Answer::to(client.post(url).json(&user(&email))).await;
    let result = answer.map(|answer| answer.status).map_err(|error| match error.is_connect() {
        true => Failure::Refused,
        false => Failure::Broken(format!("{error:?}")),
    });
    if result.is_err() {
        // A server that is gone answers at once: not a busy loop.
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    Attempt { email, result }
}
