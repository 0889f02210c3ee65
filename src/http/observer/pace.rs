//! Who asks too often is refused before anything else of a request is looked at, and who goes on all the same has to wait.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use ipnet::IpNet;

use super::events::{RequestRefused, RequestsPutOff};
use crate::config::HttpConfig;
use crate::error::Error;
use crate::fairness::Rate;
use crate::http::Context;
use crate::http::client_address::is_trusted;
use crate::http::limit::Limit;
use crate::telemetry::Event;
use crate::telemetry::logging::LoggerName;

/// Refusals that a client is given at once; they come back within the period.
const REFUSALS: u32 = 100;
const REFUSALS_PERIOD: Duration = Duration::from_secs(5);
/// The longest that a client waits which has had more.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// How often those are told of that were made to wait.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// What comes of a request before anything of it is looked at.
pub(super) enum Pace {
    /// It is answered.
    Go,
    /// Its client has asked for all that it may.
    Refuse(Error),
    /// Its client goes on although it was refused so often.
    PutOff { pause: Duration, error: Error },
}

/// Requests that were put off and are not told yet.
#[derive(Default)]
struct PutOff(Mutex<(u64, Option<Instant>)>);

impl PutOff {
    /// One more; says how many there are to tell, once in a while.
    fn note(&self) -> Option<u64> {
        let mut untold = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        untold.0 += 1;
        if untold.1.is_some_and(|told| told.elapsed() < TELL_EVERY) {
            return None;
        }
        untold.1 = Some(Instant::now());
        Some(std::mem::take(&mut untold.0))
    }
}

/// Who may ask now.
pub(super) struct Pacer {
    trusted_proxies: Vec<IpNet>,
    /// How often one client may ask; `None` for no limit.
    requests: Option<Limit>,
    /// The same for what is always answered: a flood of the one does not take it from the other.
    always: Option<Limit>,
    /// What it is refused for asking too often; `None` where nobody is.
    refusals: Option<Rate>,
    put_off: PutOff,
}

impl Pacer {
    /// Lets clients ask so often, where they are not known: operators are, and few.
    pub(super) fn new(limits: &HttpConfig, is_open: bool) -> Self {
        let limit = || Limit::new("requests", limits.requests_per_client, limits.requests_period);
        Pacer {
            trusted_proxies: limits.trusted_proxies.clone(),
            requests: limit(),
            always: limit(),
            refusals: Rate::new(REFUSALS, REFUSALS_PERIOD).filter(|_| is_open),
            put_off: PutOff::default(),
        }
    }

    /// Whether a request has its turn: to an endpoint that is always answered or is not, or to none. A proxy asks for many; what
    /// it asks by itself is asked by its operator.
    pub(super) fn pace(&self, context: &Context, peer: IpAddr, is_always: Option<bool>) -> Pace {
        let is_of_proxy =
            context.client_ip == peer.to_canonical() && is_trusted(&context.client_ip, &self.trusted_proxies);
        let Some(refusals) = self.refusals.as_ref().filter(|_| !is_of_proxy) else { return Pace::Go };
        let pause = refusals.debt(context.client).min(LONGEST_PAUSE);
        let counted = match is_always {
            Some(true) => self.always.as_ref().map_or(Ok(()), |limit| limit.take(context.client).check()),
            _ => context.take_one_of(self.requests.as_ref()),
        };
        match counted {
            Ok(()) if pause.is_zero() || is_always != Some(false) => Pace::Go,
            Err(error) if pause.is_zero() => Pace::Refuse(error),
            Err(error) => Pace::PutOff { pause, error },
            Ok(()) => Pace::PutOff { pause, error: Error::RateLimited { what: "requests", retry_after: 1 } },
        }
    }

    /// A request was refused since its client asks too often.
    pub(super) fn charge(&self, context: &Context) {
        if let Some(refusals) = &self.refusals {
            refusals.charge(context.client);
        }
    }

    /// A request is refused at the door: its client asks too often.
    pub(super) fn refuse(&self, context: &Context, error: &Error) {
        self.charge(context);
        let refused = RequestRefused { request_id: &context.request_id, client_ip: context.client_ip, error };
        refused.emit(&context.logger(LoggerName::Requests));
    }

    /// A request is refused of a client that asks on and on although it was told to wait: after a while, and with a line for all
    /// of them now and then, since refusals take time and space from others too.
    pub(super) async fn put_off(&self, context: &Context, pause: Duration, error: &Error) {
        tokio::time::sleep(pause).await;
        if let Some(count) = self.put_off.note() {
            RequestsPutOff { client_ip: context.client_ip, count }.emit(&context.logger(LoggerName::Requests));
        }
        RequestRefused { request_id: &context.request_id, client_ip: context.client_ip, error }.record();
    }
}
