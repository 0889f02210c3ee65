//! Whether the analytics service would take events, as far as it says so itself.

use tokio::time::Instant;
use url::Url;

use super::expectation::{Foreign, is_page};
use super::{Analytics, failure};
use crate::error::Cause;
use crate::outgoing::{BODY_TIME, beginning, broken};

impl Analytics {
    /// Asks `GET {base}/health`. Any 2xx will do that is no page of HTML.
    ///
    /// # Errors
    /// What stands in the way; nothing of what the service wrote.
    pub async fn probe(&self) -> Result<(), Cause> {
        let request = self.client.get(health_of(&self.endpoint)?).timeout(self.timeout);
        let mut response = request.send().await.map_err(|error| broken(error).cause)?;
        let body = beginning(&mut response, Instant::now() + BODY_TIME).await;
        if !response.status().is_success() {
            return Err(failure::refused(&response, &body).cause);
        }
        if is_page(&body) { Err(failure::foreign(&response, Foreign::Page).cause) } else { Ok(()) }
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
