//! The topics of all jobs that the service knows.

use std::sync::Arc;

use super::account_email::AccountEmail;
use super::codes::Issuer;
use super::registration::{AnalyticsEvent, WelcomeEmail};
use super::webhooks::{self, WebhookTopic};
use crate::analytics::Analytics;
use crate::config::WebhookConfig;
use crate::mail::Mailer;
use crate::outbox::{About, Deliver, Topic, TopicName};

/// The name of the topic that greets new users.
pub const WELCOME_EMAIL: TopicName = WelcomeEmail::ABOUT.name;
/// The name of the topic that tells users of their accounts.
pub const ACCOUNT_EMAIL: TopicName = AccountEmail::ABOUT.name;
/// The name of the topic that tells the analytics service of registrations.
pub const ANALYTICS_EVENT: TopicName = AnalyticsEvent::ABOUT.name;

/// What is known of each topic.
pub const ALL: &[About] = &[
    WelcomeEmail::ABOUT,
    AccountEmail::ABOUT,
    AnalyticsEvent::ABOUT,
    webhooks::ABOUT[0],
    webhooks::ABOUT[1],
    webhooks::ABOUT[2],
    webhooks::ABOUT[3],
];

/// The topics of endpoints that there are not.
pub fn unused(config: &WebhookConfig) -> Vec<About> {
    let places = webhooks::ABOUT.into_iter().zip(config.places());
    places.filter(|(_, place)| place.url.is_none()).map(|(about, _)| about).collect()
}

/// The topics that something is delivered of.
pub fn in_use(config: &WebhookConfig) -> Vec<About> {
    let unused: Vec<_> = unused(config).iter().map(|about| about.name).collect();
    ALL.iter().filter(|about| !unused.contains(&about.name)).copied().collect()
}

/// The name of each topic.
pub fn names() -> Vec<TopicName> {
    ALL.iter().map(|topic| topic.name).collect()
}

/// Each topic with what it delivers through.
pub fn delivered_by(
    mailer: &Arc<Mailer>,
    issuer: &Issuer,
    analytics: Option<&Analytics>,
    webhooks: Vec<WebhookTopic>,
) -> Vec<Arc<dyn Deliver>> {
    let mut topics: Vec<Arc<dyn Deliver>> = vec![
        Arc::new(WelcomeEmail::new(Arc::clone(mailer), issuer.clone())),
        Arc::new(AccountEmail::new(Arc::clone(mailer), issuer.clone())),
        Arc::new(AnalyticsEvent::new(analytics.cloned())),
    ];
    topics.extend(webhooks.into_iter().map(|webhook| Arc::new(webhook) as Arc<dyn Deliver>));
    topics
}
