//! Others are told what happens to users: each endpoint that wants to hear of an event gets a job of its own, in the transaction
//! of what it tells, so that one that fails holds up no other.

mod switch;
mod topic;

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

pub use self::switch::{Off, all_off, switch_on};
pub use self::topic::{ABOUT, WebhookTopic, is_off, topics};
use super::profile::Profile;
use super::users::User;
use crate::config::{WebhookConfig, WebhookEvent};
use crate::http::Told;
use crate::outbox::{self, NewJob, TopicName};
use crate::values::Origin;
use crate::webhooks::Event;

/// Who is told of what.
#[derive(Clone, Debug, Default)]
pub struct Webhooks {
    endpoints: Vec<(TopicName, Vec<WebhookEvent>)>,
}

impl Webhooks {
    /// As the settings say.
    pub fn new(config: &WebhookConfig) -> Self {
        let wants = |(about, place): (&outbox::About, crate::config::WebhookEndpoint<'_>)| {
            place.url.is_some().then(|| (about.name, place.events.to_vec()))
        };
        Webhooks { endpoints: ABOUT.iter().zip(config.places()).filter_map(wants).collect() }
    }

    /// The jobs that tell that a user is new.
    pub fn registered(&self, user: &User, origin: &Origin) -> Vec<NewJob> {
        self.of_user(WebhookEvent::Registered, user, origin, user.created_at)
    }

    /// The jobs that tell that a user's address was shown to be the user's own: for the transaction that says so in
    /// `email_verified_at`.
    pub fn verified(&self, user: &User, origin: &Origin) -> Vec<NewJob> {
        self.of_user(WebhookEvent::Verified, user, origin, user.email_verified_at.unwrap_or(user.updated_at))
    }

    /// The jobs that tell that a user, who was so before, is now like this.
    pub fn changed(&self, before: &User, user: &User, origin: &Origin) -> Vec<NewJob> {
        let is_switched_off = before.is_active && !user.is_active;
        let event = if is_switched_off { WebhookEvent::Deactivated } else { WebhookEvent::Updated };
        self.of_user(event, user, origin, user.updated_at)
    }

    /// The jobs that tell that a user was erased. They hold the id, which tells of nobody any more.
    pub fn deleted(&self, id: Uuid, origin: &Origin, at: OffsetDateTime) -> Vec<NewJob> {
        self.jobs(WebhookEvent::Deleted, id, || json!({ "id": id }), origin, at)
    }

    fn of_user(&self, event: WebhookEvent, user: &User, origin: &Origin, at: OffsetDateTime) -> Vec<NewJob> {
        self.jobs(event, user.id, || json!(Profile::from(user.clone())), origin, at)
    }

    fn jobs(
        &self,
        event: WebhookEvent,
        user_id: Uuid,
        data: impl Fn() -> Value,
        origin: &Origin,
        at: OffsetDateTime,
    ) -> Vec<NewJob> {
        let told = self.endpoints.iter().filter(|(_, events)| events.contains(&event));
        let job = |(topic, _): &(TopicName, Vec<WebhookEvent>)| {
            let payload = Event { kind: event.as_str().to_owned(), timestamp: at, data: data() };
            outbox::job_of(*topic, &payload, Some(user_id), origin, at)
        };
        told.map(job).collect()
    }
}

/// The events as the OpenAPI document has them.
pub fn described() -> Vec<Told> {
    let told = |event: &WebhookEvent| {
        let about = match event {
            WebhookEvent::Registered => "A user registered, or was made by an operator.",
            WebhookEvent::Verified => "The address was shown to be the user's own.",
            WebhookEvent::Updated => {
                "The name, the address or the role is another, or the user may use the service again."
            }
            WebhookEvent::Deactivated => "The user was switched off.",
            WebhookEvent::Deleted => "The user was erased.",
        };
        let data = if *event == WebhookEvent::Deleted { schema_of_id } else { schema_of_user };
        Told { name: event.as_str(), about, data }
    };
    WebhookEvent::ALL.iter().map(told).collect()
}

fn schema_of_user(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<Profile>()
}

fn schema_of_id(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object", "required": ["id"], "properties": { "id": { "type": "string", "format": "uuid" } },
    })
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::accounts::users::Role;
    use crate::config::{Config, Sources};
    use crate::language::Language;

    fn webhooks(settings: &[(&str, &str)]) -> Webhooks {
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let all = [("WEBHOOK_1_URL", "https://a.example/hook"), ("WEBHOOK_3_URL", "https://b.example/hook")];
        let secrets = [("WEBHOOK_1_SECRET", secret), ("WEBHOOK_3_SECRET", secret)];
        let all = all.iter().chain(&secrets).chain(settings);
        let environment = all.map(|(key, value)| (format!("NEODYME_{key}").into(), (*value).into())).collect();
        let config = Config::load(&Sources { environment, ..Sources::default() }).unwrap();
        Webhooks::new(&config.webhook)
    }

    fn user() -> User {
        let at = datetime!(2026-11-22 08:31:02.000120 UTC);
        User {
            id: Uuid::from_u128(7),
            email: "ada@example.com".into(),
            email_key: "ada@example.com".into(),
            full_name: "Ada Lovelace".into(),
            password_hash: "canary".into(),
            is_active: true,
            created_at: at,
            updated_at: at,
            email_verified_at: Some(at),
            role: Role::User,
            locale: Some(Language::english()),
        }
    }

    fn origin() -> Origin {
        Origin { request_id: "r".into(), trace_id: String::new(), traceparent: String::new(), client_ip: None }
    }

    fn told(jobs: &[NewJob]) -> Vec<(&'static str, Value)> {
        jobs.iter().map(|job| (job.topic.as_str(), job.payload.expose()["type"].clone())).collect()
    }

    #[test]
    fn each_endpoint_is_told_by_a_job_of_its_own_of_what_it_wants_to_hear() {
        let webhooks = webhooks(&[("WEBHOOK_3_EVENTS", "user.verified,user.deleted")]);
        assert_eq!(told(&webhooks.registered(&user(), &origin())), [("webhook_1", json!("user.registered"))]);
        let verified = webhooks.verified(&user(), &origin());
        assert_eq!(told(&verified), ["webhook_1", "webhook_3"].map(|topic| (topic, json!("user.verified"))));
        assert_ne!(verified[0].id, verified[1].id);
        assert!(told(&Webhooks::default().registered(&user(), &origin())).is_empty());
    }

    #[test]
    fn they_learn_what_may_be_read_of_a_user_and_of_one_who_was_erased_the_id_alone() {
        let (webhooks, user) = (webhooks(&[]), user());
        let jobs = webhooks.verified(&user, &origin());
        let data = json!({
            "id": user.id, "email": "ada@example.com", "full_name": "Ada Lovelace", "is_active": true, "role": "user", "locale": "en",
            "email_verified_at": "2026-11-22T08:31:02.000120Z", "created_at": "2026-11-22T08:31:02.000120Z", "updated_at": "2026-11-22T08:31:02.000120Z",
        });
        let event = json!({ "type": "user.verified", "timestamp": "2026-11-22T08:31:02.000120Z", "data": data });
        assert_eq!(jobs[0].payload.expose(), &event);
        let deleted = webhooks.deleted(user.id, &origin(), user.created_at);
        assert_eq!(deleted[0].payload.expose()["data"], json!({ "id": user.id }));
    }

    #[test]
    fn who_is_switched_off_is_deactivated_and_any_other_change_is_an_update() {
        let (webhooks, user) = (webhooks(&[]), user());
        let off = User { is_active: false, ..user.clone() };
        assert_eq!(told(&webhooks.changed(&user, &off, &origin()))[0].1, "user.deactivated");
        assert_eq!(told(&webhooks.changed(&off, &user, &origin()))[0].1, "user.updated");
        assert_eq!(told(&webhooks.changed(&off, &off, &origin()))[0].1, "user.updated");
    }
}
