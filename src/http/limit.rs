//! How often one client may ask for something, and how answers tell what is left of it: the fields `RateLimit-Policy` and
//! `RateLimit` of draft-ietf-httpapi-ratelimit-headers-10.

use std::io::Write;
use std::time::Duration;

use http::header::{HeaderMap, RETRY_AFTER};
use http::{HeaderName, HeaderValue};

use crate::error::{Error, Result};
use crate::fairness::{ClientKey, Left, Rate};

pub(super) const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
pub(super) const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// A name of some 20 characters and two numbers.
const LONGEST: usize = 80;

/// How often one client may ask for something.
pub struct Limit {
    what: &'static str,
    rate: Rate,
    policy: HeaderValue,
}

/// What is left of a limit once a request was counted, or refused.
pub(super) struct Quota {
    what: &'static str,
    policy: HeaderValue,
    left: Left,
    is_admitted: bool,
}

impl Limit {
    /// So many at once and in each period; `None` for 0, which is no limit. `what` is counted, in the plural.
    pub fn new(what: &'static str, count: u32, period: Duration) -> Option<Self> {
        let rate = Rate::new(count, period)?;
        let window = Left { count, wait: period }.seconds();
        let policy = HeaderValue::try_from(format!("\"{what}\";q={count};w={window}"));
        Some(Limit { what, rate, policy: policy.unwrap_or(HeaderValue::from_static("")) })
    }

    /// Uses one up, if there is one.
    pub(super) fn take(&self, client: ClientKey) -> Quota {
        let taken = self.rate.admit(client);
        let (is_admitted, left) = (taken.is_ok(), taken.unwrap_or_else(|left| left));
        Quota { what: self.what, policy: self.policy.clone(), left, is_admitted }
    }
}

impl Quota {
    /// Whether the request may go on.
    ///
    /// # Errors
    /// [`Error::RateLimited`].
    pub(super) fn check(&self) -> Result<()> {
        let error = || Error::RateLimited { what: self.what, retry_after: self.left.seconds() };
        if self.is_admitted { Ok(()) } else { Err(error()) }
    }

    /// Tells it with an answer. Where nothing is left, the client is asked to wait for it whatever else it has to wait for.
    pub(super) fn tell(&self, headers: &mut HeaderMap) {
        let Quota { what, left, .. } = self;
        let (mut text, seconds) = ([0; LONGEST], left.seconds());
        let mut rest = &mut text[..];
        let written = match left.count {
            0 => write!(rest, "\"{what}\";r=0;t={seconds}"),
            count => write!(rest, "\"{what}\";r={count}"),
        };
        let length = LONGEST - rest.len();
        if let (Ok(()), Ok(value)) = (written, HeaderValue::from_bytes(&text[..length])) {
            headers.insert(RATE_LIMIT, value);
            headers.insert(RATE_LIMIT_POLICY, self.policy.clone());
        }
        if headers.get(RETRY_AFTER).is_some_and(|told| is_before(told, seconds)) {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
    }
}

fn is_before(told: &HeaderValue, seconds: u64) -> bool {
    told.to_str().is_ok_and(|text| text.parse::<u64>().is_ok_and(|told| told < seconds))
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;

    fn told(quota: &Quota, retry_after: Option<u64>) -> [String; 3] {
        let mut headers = HeaderMap::new();
        if let Some(seconds) = retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        quota.tell(&mut headers);
        [RATE_LIMIT_POLICY, RATE_LIMIT, RETRY_AFTER]
            .map(|name| headers.get(name).map_or("", |value| value.to_str().unwrap()).to_owned())
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_left_is_told_and_when_there_is_more_where_nothing_is() {
        let client = IpAddr::from(Ipv4Addr::LOCALHOST).into();
        let limit = Limit::new("sign-ins", 2, Duration::from_secs(60)).unwrap();
        let first = limit.take(client);
        assert!(first.check().is_ok());
        assert_eq!(told(&first, Some(1)), ["\"sign-ins\";q=2;w=60", "\"sign-ins\";r=1", "1"]);
        let last = limit.take(client);
        assert!(last.check().is_ok());
        assert_eq!(told(&last, None), ["\"sign-ins\";q=2;w=60", "\"sign-ins\";r=0;t=30", ""]);
        assert_eq!(
            told(&last, Some(1))[2],
            "30",
            "refused for another reason, it would be refused for this one before"
        );
        assert_eq!(told(&last, Some(31))[2], "31");
        assert!(matches!(limit.take(client).check(), Err(Error::RateLimited { what: "sign-ins", retry_after: 30 })));
    }

    #[test]
    fn the_largest_numbers_have_room() {
        let left = Left { count: 0, wait: Duration::from_secs(u64::MAX / 2) };
        let policy = HeaderValue::from_static("p");
        for left in [left, Left { count: u32::MAX, ..left }] {
            let quota = Quota { what: "registrations", policy: policy.clone(), left, is_admitted: false };
            assert!(!told(&quota, None)[1].is_empty(), "{left:?}");
        }
    }

    #[test]
    fn a_window_is_a_second_at_least() {
        let limit = Limit::new("requests", 7, Duration::from_millis(1)).unwrap();
        assert_eq!(limit.policy, "\"requests\";q=7;w=1");
    }
}
