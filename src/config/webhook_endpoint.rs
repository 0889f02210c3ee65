//! The endpoints of webhooks. Each has a number, so that what waits for one stays its own when others come and go.

use url::{Host, Url};

use super::address::may_be_sent_to;
use super::settings::WebhookConfig;
use super::webhook_event::WebhookEvent;
use super::webhook_secrets::WebhookSecrets;

/// How many there may be: each costs series of metrics.
pub const MOST_WEBHOOKS: usize = 4;

/// The settings of an endpoint.
#[derive(Clone, Copy, Debug)]
pub struct WebhookEndpoint<'a> {
    /// Its number, from 1.
    pub number: usize,
    /// Where it is; none if there is no such endpoint.
    pub url: Option<&'a Url>,
    /// What its requests are signed with.
    pub secrets: &'a WebhookSecrets,
    /// What it is told of.
    pub events: &'a [WebhookEvent],
    /// The setting of the URL.
    pub url_setting: &'static str,
    /// The setting of the secrets.
    pub secret_setting: &'static str,
}

impl WebhookConfig {
    /// The settings of each endpoint that there can be.
    pub fn places(&self) -> [WebhookEndpoint<'_>; MOST_WEBHOOKS] {
        macro_rules! place {
            ($number:literal, $url:ident, $secret:ident, $events:ident) => {
                WebhookEndpoint {
                    number: $number,
                    url: self.$url.as_ref(),
                    secrets: &self.$secret,
                    events: if self.$events.is_empty() { WebhookEvent::ALL } else { &self.$events },
                    url_setting: concat!("webhook_", $number, "_url"),
                    secret_setting: concat!("webhook_", $number, "_secret"),
                }
            };
        }
        [
            place!(1, url_1, secret_1, events_1),
            place!(2, url_2, secret_2, events_2),
            place!(3, url_3, secret_3, events_3),
            place!(4, url_4, secret_4, events_4),
        ]
    }

    /// The endpoints that there are.
    pub fn endpoints(&self) -> impl Iterator<Item = WebhookEndpoint<'_>> {
        self.places().into_iter().filter(|place| place.url.is_some())
    }

    /// What is wrong with the settings of endpoints: the setting, and why.
    pub(super) fn faults(&self) -> Vec<(&'static str, String)> {
        self.places().iter().filter_map(|place| self.fault(place)).collect()
    }

    fn fault(&self, place: &WebhookEndpoint<'_>) -> Option<(&'static str, String)> {
        let WebhookEndpoint { url_setting, secret_setting, .. } = *place;
        let Some(url) = place.url else {
            let text = format!("it is missing, while {secret_setting} is set");
            return (!place.secrets.is_empty()).then_some((url_setting, text));
        };
        if place.secrets.is_empty() {
            return Some((secret_setting, format!("it is missing, while {url_setting} is set")));
        }
        let networks = &self.private_networks;
        let over_tls = url.scheme() == "https";
        let may = match url.host() {
            Some(Host::Ipv4(address)) => may_be_sent_to(address.into(), over_tls, networks),
            Some(Host::Ipv6(address)) => may_be_sent_to(address.into(), over_tls, networks),
            // Where a name leads is seen when it is asked.
            _ => over_tls || !networks.is_empty(),
        };
        let text = match over_tls {
            true => "the address is not public; name its network in webhook_private_networks if it is meant",
            false => "http is for private addresses only; use https, or name the network in webhook_private_networks",
        };
        (!may).then(|| (url_setting, text.to_owned()))
    }
}
