//! The topics of all jobs that the service knows.

use std::sync::Arc;

use super::account_email::AccountEmail;
use super::codes::Issuer;
use super::registration::{AnalyticsEvent, WelcomeEmail};
use crate::analytics::Analytics;
use crate::mail::Mailer;
use crate::outbox::{About, Deliver, Topic, TopicName};

/// The name of the topic that greets new users.
pub const WELCOME_EMAIL: TopicName = WelcomeEmail::ABOUT.name;
/// The name of the topic that tells users of their accounts.
pub const ACCOUNT_EMAIL: TopicName = AccountEmail::ABOUT.name;
/// The name of the topic that tells the analytics service of registrations.
pub const ANALYTICS_EVENT: TopicName = AnalyticsEvent::ABOUT.name;

/// What is known of each topic.
pub const ALL: &[About] = &[WelcomeEmail::ABOUT, AccountEmail::ABOUT, AnalyticsEvent::ABOUT];

/// The name of each topic.
pub fn names() -> Vec<TopicName> {
    ALL.iter().map(|topic| topic.name).collect()
}

/// Each topic with what it delivers through.
pub fn delivered_by(mailer: &Arc<Mailer>, issuer: &Issuer, analytics: Option<&Analytics>) -> Vec<Arc<dyn Deliver>> {
    vec![
        Arc::new(WelcomeEmail::new(Arc::clone(mailer), issuer.clone())),
        Arc::new(AccountEmail::new(Arc::clone(mailer), issuer.clone())),
        Arc::new(AnalyticsEvent::new(analytics.cloned())),
    ]
}
