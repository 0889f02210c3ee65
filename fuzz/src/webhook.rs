//! The answers of the endpoint of a webhook.

use neodyme::webhooks::{Event, Webhook};
use serde_json::json;
use time::OffsetDateTime;
use uuid::Uuid;

use super::configuration;
use super::jobs::assert_told;
use super::peer::Peer;
use super::runtime::block_on;

thread_local! {
    static WORLD: World = block_on(World::start());
}

struct World {
    endpoint: Peer,
    webhook: Webhook,
    event: Event,
}

/// Whatever is answered, an attempt ends soon, reads a bounded part of it, follows it nowhere, and repeats none of it.
pub fn check(input: &[u8]) {
    WORLD.with(|world| block_on(world.endpoint.talk_during(input, world.send())));
}

impl World {
    async fn start() -> World {
        let endpoint = Peer::start(false).await;
        let config = configuration::with(&[
            ("webhook_1_url", &format!("http://127.0.0.1:{}/hook", endpoint.port())),
            ("webhook_1_secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
            ("webhook_private_networks", "127.0.0.0/8"),
            ("webhook_timeout", "5s"),
        ]);
        let webhook = Webhook::new(&config.webhook, &config.webhook.places()[0]);
        let webhook = webhook.expect("the settings are good").expect("there is an endpoint");
        let data = json!({ "id": "01890a5d-ac96-774b-bcce-b302099a8057" });
        let event = Event { kind: "user.deleted".into(), timestamp: OffsetDateTime::UNIX_EPOCH, data };
        World { endpoint, webhook, event }
    }

    async fn send(&self) {
        match self.webhook.send(Uuid::from_u128(7), &self.event).await {
            Ok(receipt) => assert!(receipt.code.is_some_and(|code| (200..300).contains(&code)), "{receipt:?}"),
            Err(failure) => assert_told(&failure),
        }
    }
}
