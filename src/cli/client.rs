//! The HTTP client of the subcommands that ask a running neodyme.

use std::io;
use std::time::Duration;

use anyhow::anyhow;
use reqwest::Client;
use reqwest::redirect::Policy;
use url::Url;

use crate::error::chain;
use crate::tls::http_client_config;

/// A client that asks whom it was told to and nobody else: no proxy from the environment, no redirect.
pub(super) fn build(url: &Url, timeout: Duration) -> anyhow::Result<Client> {
    let tls = http_client_config(url, "").map_err(anyhow::Error::msg)?;
    let builder = Client::builder().no_proxy().redirect(Policy::none()).referer(false).timeout(timeout);
    let builder = builder.tls_backend_preconfigured(tls);
    Ok(builder.user_agent(concat!("neodyme-cli/", env!("CARGO_PKG_VERSION"))).build()?)
}

/// Reads the base URL of a neodyme, such as `http://127.0.0.1:8000`.
pub(super) fn parse_base(text: &str) -> Result<Url, &'static str> {
    let url = Url::parse(text).map_err(|_| "not a URL; accepted: a URL such as http://127.0.0.1:8000")?;
    let plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
    match url.scheme() {
        "http" | "https" if plain && url.path() == "/" && url.fragment().is_none() => Ok(url),
        "http" | "https" => Err("only scheme, host and port, such as http://127.0.0.1:8000"),
        _ => Err("it begins neither with http:// nor with https://; accepted: a URL such as http://127.0.0.1:8000"),
    }
}

/// That there was no answer, why, and what to look at.
pub(super) fn no_answer(url: &Url, error: &reqwest::Error) -> anyhow::Error {
    if error.is_timeout() {
        return anyhow!("{url} does not answer: no answer in time");
    }
    // Those around the innermost cause only say that there was no answer.
    let innermost = chain(error).last().map(ToString::to_string).unwrap_or_default();
    let is_refused = |error: &io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
    let hint = if chain(error).filter_map(|cause| cause.downcast_ref()).any(is_refused) {
        "; is `neodyme serve` running there?"
    } else if chain(error).any(|cause| matches!(cause.downcast_ref(), Some(rustls::Error::InvalidMessage(_)))) {
        "; it speaks no TLS: use http://"
    } else {
        ""
    };
    anyhow!("{url} does not answer: {innermost}{hint}")
}

#[cfg(test)]
mod tests {
    use super::parse_base;

    #[test]
    fn a_base_is_scheme_host_and_port() {
        for good in
            ["http://127.0.0.1:8000", "http://localhost:8000/", "https://register.example.com", "http://[::1]:1"]
        {
            assert!(parse_base(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "127.0.0.1:8000",
            "localhost",
            "ftp://h",
            "http://",
            "http://u:p@h",
            "http://h/v1",
            "http://h/?a",
            "http://h/#a",
        ] {
            assert!(parse_base(bad).is_err(), "{bad}");
        }
    }
}
