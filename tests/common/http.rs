//! A client for ordinary requests, and their answers.

use reqwest::header::HeaderMap;
use serde_json::Value;

use super::PATIENCE;

/// A client that follows nothing and knows no proxy.
pub fn client() -> reqwest::Client {
    builder().build().unwrap()
}

/// A client that speaks HTTP/2 from the first byte.
pub fn http2_client() -> reqwest::Client {
    builder().http2_prior_knowledge().build().unwrap()
}

/// A client that opens a connection for each request.
pub fn one_shot_client() -> reqwest::Client {
    builder().pool_max_idle_per_host(0).build().unwrap()
}

/// What all clients of the tests have in common.
pub fn builder() -> reqwest::ClientBuilder {
    // The client asks for a provider of TLS even where it never meets TLS.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([])
        .redirect(reqwest::redirect::Policy::none())
        .timeout(PATIENCE)
}

/// A whole answer.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its header.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Vec<u8>,
}

impl Answer {
    /// Sends a request and reads its answer to the end.
    pub async fn to(request: reqwest::RequestBuilder) -> reqwest::Result<Answer> {
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Answer { status, headers, body: response.bytes().await?.to_vec() })
    }

    /// A header's value; fails where it is missing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no {name} in {self:?}")).to_str().unwrap()
    }

    /// The body as text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|e| panic!("{e} in {:?}", String::from_utf8_lossy(&self.body)))
    }

    /// The stable code of a problem.
    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_else(|| panic!("no code in {}", self.text())).to_owned()
    }

    /// Checks everything that all problems have in common, and the given status and code.
    pub fn assert_problem(&self, status: u16, code: &str) -> &Answer {
        assert_eq!(self.status, status, "{}", self.text());
        assert_eq!(self.header("content-type"), "application/problem+json");
        let body = self.json();
        assert_eq!(body["status"], status, "{body}");
        assert_eq!(body["code"], code, "{body}");
        assert_eq!(body["request_id"], self.header("x-request-id"), "{body}");
        for member in ["type", "title", "detail"] {
            assert!(body[member].as_str().is_some_and(|text| !text.is_empty()), "{member} of {body}");
        }
        self
    }
}
