//! The answers of the analytics service.

use neodyme::accounts::registration::AnalyticsEvent;
use neodyme::accounts::topics::ANALYTICS_EVENT;
use neodyme::analytics::Analytics;
use neodyme::outbox::{Deliver, Job};
use serde_json::json;

use super::configuration;
use super::jobs::{self, assert_told};
use super::peer::Peer;
use super::runtime::block_on;

thread_local! {
    static WORLD: World = block_on(World::start());
}

struct World {
    service: Peer,
    topic: AnalyticsEvent,
    job: Job,
}

/// Whatever is answered, an attempt ends soon, reads a bounded part of it, and repeats none of it.
pub fn check(input: &[u8]) {
    WORLD.with(|world| block_on(world.service.talk_during(input, world.track())));
}

impl World {
    async fn start() -> World {
        let service = Peer::start(false).await;
        let base = format!("http://127.0.0.1:{}/v1", service.port());
        let config = configuration::with(&[("analytics_base_url", &base), ("analytics_timeout", "5s")]);
        let analytics = Analytics::new(&config.analytics).expect("the settings are good").expect("there is a service");
        let payload = json!({
            "event": "user_registered", "user_id": "01890a5d-ac96-774b-bcce-b302099a8057",
            "occurred_at": "2026-11-22T08:31:02.000120Z",
        });
        World { service, topic: AnalyticsEvent::new(Some(analytics)), job: jobs::job(ANALYTICS_EVENT, payload) }
    }

    async fn track(&self) {
        match self.topic.deliver(&self.job).await {
            Ok(receipt) => assert!(receipt.code.is_some_and(|code| (200..300).contains(&code)), "{receipt:?}"),
            Err(failure) => assert_told(&failure),
        }
    }
}
