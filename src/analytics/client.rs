//! The HTTP client: what it trusts, whom it follows, how long it keeps a connection.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use reqwest::Client;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::{Action, Attempt, Policy};
use url::Url;

use crate::error::Cause;
use crate::outgoing::look_up;
use crate::tls::http_client_config;

/// A connection takes at most this long to open, and at most half of the attempt.
const CONNECT_TIME: Duration = Duration::from_secs(5);
/// Time without an event after which a connection is closed: before most services, and what is between, close it.
const IDLE_TIME: Duration = Duration::from_secs(30);
/// HTTP/2: time without a sign of life after which the other side is asked for one, and then given up.
const SIGN_OF_LIFE: Duration = Duration::from_secs(5);
/// Redirects that are followed.
const REDIRECTS: usize = 3;

/// `{base}/events`, with or without a slash at the end of the base.
pub(super) fn endpoint(base: &Url) -> Result<Url, Cause> {
    let mut endpoint = base.clone();
    let mut path = endpoint.path_segments_mut().map_err(|()| "analytics_base_url cannot have a path")?;
    path.pop_if_empty().push("events");
    drop(path);
    Ok(endpoint)
}

/// A client that obeys the settings alone: no proxy from the environment, no host but the one of the base.
pub(super) fn build(base: &Url, timeout: Duration) -> Result<Client, Cause> {
    let client = Client::builder()
        .user_agent(concat!("neodyme/", env!("CARGO_PKG_VERSION")))
        .no_proxy()
        .dns_resolver(Arc::new(Resolver))
        .redirect(Policy::custom(follow_within_origin))
        .referer(false)
        .connect_timeout(CONNECT_TIME.min(timeout / 2))
        .pool_idle_timeout(IDLE_TIME)
        .http2_keep_alive_interval(SIGN_OF_LIFE)
        .http2_keep_alive_timeout(SIGN_OF_LIFE)
        .tls_backend_preconfigured(http_client_config(base, ", which analytics over TLS needs")?);
    Ok(client.build()?)
}

/// Asks the system, as the client would by itself, and tells afterwards that it was the name that failed.
struct Resolver;

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move { Ok(Box::new(look_up(name.as_str()).await?.into_iter()) as Addrs) })
    }
}

/// Follows what repeats the POST at the same scheme, host and port. Any other redirect is the answer: a 301, 302 or 303
/// would become a GET, which delivers nothing, and another host was never named by the operator.
fn follow_within_origin(attempt: Attempt<'_>) -> Action {
    let repeats = [StatusCode::TEMPORARY_REDIRECT, StatusCode::PERMANENT_REDIRECT].contains(&attempt.status());
    let stays = attempt.previous().first().is_some_and(|first| first.origin() == attempt.url().origin());
    if repeats && stays && attempt.previous().len() <= REDIRECTS { attempt.follow() } else { attempt.stop() }
}

#[cfg(test)]
mod tests {
    #[test]
    fn events_are_below_the_base() {
        for (base, endpoint) in [
            ("https://a.example", "https://a.example/events"),
            ("https://a.example/v1", "https://a.example/v1/events"),
            ("https://a.example:8443/v1/", "https://a.example:8443/v1/events"),
        ] {
            assert_eq!(super::endpoint(&base.parse().unwrap()).unwrap().as_str(), endpoint);
        }
    }
}
