//! What people do all day: most register, some try a taken address or a bad one, and monitors look at the health.
//!
//! They come through a load balancer, which names the address of each.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use load_generator::{Arrivals, Event, Pace};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::common::app::{fresh_email, user};
use crate::common::http::{self, Answer};

use super::ledger::Ledger;

/// Requests that come at their own pace, however long the answers take. They end with this.
pub struct Traffic(JoinHandle<()>);

impl Traffic {
    /// A modest, steady mix, a request a second, spread over the instances as a load balancer does it.
    pub fn steady(instances: &[String], ledger: &Ledger) -> Traffic {
        let (instances, ledger) = (instances.to_vec(), ledger.clone());
        let client = http::client();
        let taken = fresh_email();
        Traffic::paced(Duration::from_secs(1), move |number| {
            let turn = |next: usize| instances[(number + next) % instances.len()].clone();
            let (client, ledger, here, there) = (client.clone(), ledger.clone(), turn(0), turn(1));
            let body = match number % 20 {
                3 | 10 => Some(user(&taken)),
                7 => Some(json!({"email": "nobody at all", "full_name": "", "password": "short"})),
                14 => None,
                _ => Some(user(&fresh_email())),
            };
            let from = somebody();
            async move {
                // Nobody listens there: the balancer asks the next one.
                let mut answer = send(&client, &here, from, body.clone()).await;
                if answer.as_ref().is_err_and(reqwest::Error::is_connect) {
                    answer = send(&client, &there, from, body.clone()).await;
                }
                if let Some(email) = body.as_ref().and_then(|body| body["email"].as_str()) {
                    ledger.note(email, &answer);
                }
            }
        })
    }

    /// So many requests at once at one instance, again after each pause: what is posted where, and by whom.
    pub fn flood(
        url: &str,
        size: usize,
        pause: Duration,
        people: impl Fn() -> (Ipv4Addr, Value) + Send + 'static,
    ) -> Traffic {
        let (client, url) = (http::client(), url.to_owned());
        Traffic::paced(pause, move |_| {
            let requests: Vec<_> = std::iter::repeat_with(&people).take(size).collect();
            let (client, url) = (client.clone(), url.clone());
            async move {
                let posted =
                    |(from, body): (Ipv4Addr, Value)| Answer::to(from_address(client.post(&url).json(&body), from));
                join_all(requests.into_iter().map(posted)).await;
            }
        })
    }

    fn paced<F>(pause: Duration, request: impl Fn(usize) -> F + Send + 'static) -> Traffic
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Traffic(tokio::spawn(async move {
            let mut arrivals = Arrivals::new(Pace::Every(pause), None);
            while let Some(event) = arrivals.next().await {
                if let Event::Due(number) = event {
                    arrivals.send(request(number));
                }
            }
        }))
    }
}

impl Drop for Traffic {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The address of somebody who was not there before.
pub fn somebody() -> Ipv4Addr {
    static COUNT: AtomicU32 = AtomicU32::new(Ipv4Addr::new(10, 0, 0, 1).to_bits());
    Ipv4Addr::from_bits(COUNT.fetch_add(1, Ordering::Relaxed))
}

/// A registration, or without a body a look at the health.
async fn send(
    client: &reqwest::Client,
    instance: &str,
    from: Ipv4Addr,
    body: Option<Value>,
) -> reqwest::Result<Answer> {
    let request = match body {
        Some(body) => client.post(format!("{instance}/users/")).json(&body),
        None => client.get(format!("{instance}/health/")),
    };
    Answer::to(from_address(request, from)).await
}

fn from_address(request: reqwest::RequestBuilder, from: Ipv4Addr) -> reqwest::RequestBuilder {
    request.header("x-forwarded-for", from.to_string())
}
