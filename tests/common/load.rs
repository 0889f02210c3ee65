//! Clients that register one user after the other until they are told to stop.

use std::time::{Duration, Instant};

use load_generator::{Caller, Callers};

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
    /// How long the answer took.
    pub took: Duration,
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
pub struct Load(Callers<Attempt>);

impl Load {
    /// Starts so many clients, each with one connection.
    pub fn start(app: &TestApp, clients: usize) -> Load {
        Load::start_with(app, clients, http::client)
    }

    /// Starts so many clients of this kind.
    pub fn start_with(app: &TestApp, clients: usize, client: impl Fn() -> reqwest::Client) -> Load {
        Load::paced(&app.api_url(), std::iter::repeat_with(client).take(clients), Duration::ZERO)
    }

    /// Starts these clients, each of which registers once in a period, or as soon as its last user is registered.
    pub fn paced(api_url: &str, clients: impl Iterator<Item = reqwest::Client>, period: Duration) -> Load {
        let registrar = |client| Registrar { client, url: format!("{api_url}/users/") };
        Load(Callers::start(clients.map(registrar).collect(), period))
    }

    /// Waits until so many users were accepted.
    pub async fn wait_for_accepted(&self, count: usize) {
        let accepted = || self.0.count(Attempt::is_accepted);
        eventually(&format!("{count} users are accepted"), async || (accepted() >= count).then_some(())).await;
    }

    /// Lets every client finish its request, and returns all attempts.
    pub async fn stop(self) -> Vec<Attempt> {
        self.0.stop().await.unwrap().into_iter().map(|call| call.outcome).collect()
    }
}

struct Registrar {
    client: reqwest::Client,
    url: String,
}

impl Caller for Registrar {
    type Outcome = Attempt;

    async fn call(&mut self) -> anyhow::Result<Attempt> {
        let (email, began) = (fresh_email(), Instant::now());
        let answer = Answer::to(self.client.post(&self.url).json(&user(&email))).await;
        let took = began.elapsed();
        let result = answer.map(|answer| answer.status).map_err(|error| match error.is_connect() {
            true => Failure::Refused,
            false => Failure::Broken(format!("{error:?}")),
        });
        if result.is_err() {
            // A server that is gone answers at once: not a busy loop.
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(Attempt { email, result, took })
    }
}
