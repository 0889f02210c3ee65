//! Whether the analytics service would take events, as far as it says so itself.

use tokio::time::Instant;
use url::Url;

use super::{Analytics, BODY_TIME, drain, failure};
use crate::error::Cause;

impl Analytics {
    /// Asks `GET {base}/health`. Any 2xx will do.
    ///
    /// # Errors
    /// What stands in the way; nothing of what the service wrote.
    pub async fn probe(&self) -> Result<(), Cause> {
        let request = self.client.get(health_of(&self.endpoint)?).timeout(self.timeout);
        let response = request.send().await.map_err(|error| failure::broken(error).cause)?;
        let outcome = failure::judge(&response);
        // The connection can be used again once the body has come; the answer is known by now.
        tokio::spawn(drain(response, Instant::now() + BODY_TIME));
        outcome.map(|_receipt| ()).map_err(|failure| failure.cause)
    }
}

/// `{base}/health` beside `{base}/events`.
fn health_of(endpoint: &Url) -> Result<Url, Cause> {
    let mut health = endpoint.clone();
    health.path_segments_mut().map_err(|()| "analytics_base_url cannot have a path")?.pop().push("health");
    Ok(health)
}

#[cfg(test)]
mod tests {
    #[test]
    fn health_is_beside_the_events() {
        let endpoint = "https://a.example:8443/v1/events".parse().unwrap();
        assert_eq!(super::health_of(&endpoint).unwrap().as_str(), "https://a.example:8443/v1/health");
    }
}
