//! Sign-ins, and what is given to those who signed in.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use prometheus::{Gauge, Histogram};

use super::declare::{CounterBy, GaugeBy, metrics};
use super::errors::hash_of;
use super::registry::{self, LATENCY, LATENCY_BUCKETS, unix_now};
use super::sketch::Sketch;
use crate::label::labels;

labels! {
    /// How a sign-in ended.
    pub enum SignInOutcome("outcome") {
        /// The user is signed in.
        Success = "success",
        /// There is no such user, or the password is another one.
        Wrong = "wrong",
        /// The password is right, and the user switched off.
        Inactive = "inactive",
        /// The password is right, and the address not verified.
        Unverified = "unverified",
        /// Passwords were wrong for this address, and it has to wait.
        Delayed = "delayed",
        /// So many were wrong that none is tried any more.
        Locked = "locked",
        /// Too many passwords wait to be hashed.
        Overloaded = "overloaded",
        /// The database failed.
        Database = "database",
        /// The machinery of authentication failed: a key, or the hash of a password.
        Authentication = "authentication",
        /// The service failed otherwise, or took too long.
        Error = "error",
        /// The client went away.
        Cancelled = "cancelled",
    }
}

labels! {
    /// How a refresh ended.
    pub enum RefreshOutcome("outcome") {
        /// The token was used, and there is a new pair.
        Rotated = "rotated",
        /// The token was used a moment ago, and gave the same pair.
        Repeated = "repeated",
        /// The token was used long ago: its session was ended.
        Reused = "reused",
        /// It is no token, or not any more.
        Invalid = "invalid",
        /// Its user is switched off.
        Inactive = "inactive",
        /// The database failed.
        Database = "database",
        /// The machinery of authentication failed: a key.
        Authentication = "authentication",
        /// The service failed otherwise.
        Error = "error",
    }
}

labels! {
    /// How long after the registration a user signed in for the first time.
    pub enum FirstSignIn("within") {
        /// Within a day.
        Day = "day",
        /// Within a week, and not within a day.
        Week = "week",
    }
}

labels! {
    /// What takes part in wrong passwords.
    pub enum Party("of") {
        /// The address that is to be signed in, whether or not it is anybody's.
        Account = "account",
        /// The client that tries.
        Client = "client",
    }
}

labels! {
    /// What ended a session.
    pub enum SessionEnd("reason") {
        /// The user signed out, or signed in anew in the browser that had it.
        SignedOut = "signed_out",
        /// The user ended it from elsewhere.
        Ended = "ended",
        /// Somebody else ended it: an admin, the erasure of its user, or who took back a change of the address.
        Revoked = "revoked",
        /// The user chose another password, in another session or by a code from an email.
        PasswordChanged = "password_changed",
        /// It was not used for long, or as old as it may be.
        Expired = "expired",
        /// The user has more than are allowed.
        Displaced = "displaced",
        /// A refresh token of it came again.
        Reuse = "reuse",
    }
}

labels! {
    /// Why an access token is not believed.
    pub enum TokenFault("fault") {
        /// It was once, and its time is over: everyday business.
        Expired = "expired",
        /// It cannot be read, or is no access token.
        Malformed = "malformed",
        /// It is signed in another way than ours are, or not at all.
        Algorithm = "algorithm",
        /// It is signed with a key that is none of ours, or not any more.
        UnknownKey = "unknown_key",
        /// It was changed, or is signed with another key than it says.
        Signature = "signature",
        /// It is of or for another service, or lacks what a token of ours has.
        Claims = "claims",
    }
}

metrics! { init;
    SIGN_INS: CounterBy<SignInOutcome> = "sign_ins_total", "Sign-ins ended, by outcome. What is no sign-in, since its body is not valid, is not one of them.";
    DURATION: Histogram = "sign_in_duration_seconds" in LATENCY, "Time of a sign-in that succeeded.";
    FIRST: CounterBy<FirstSignIn> = "first_sign_ins_total", "Users who signed in for the first time within a day of their registration, or within a week and not within a day. Who does later is not counted.";
    CONFIRMATIONS: CounterBy<SignInOutcome> = "password_confirmations_total", "Passwords that were said again, by somebody who is signed in or who repeats a registration, by outcome, as that of a sign-in.";
    WRONG: GaugeBy<Party> = "wrong_password_parties", "Distinct accounts that wrong passwords were tried for, and clients that tried them, at this instance within 5 minutes. Over instances they are at least the max, and at most the sum.";
    REFRESHES: CounterBy<RefreshOutcome> = "token_refreshes_total", "Refresh tokens presented, by outcome.";
    REFUSED: CounterBy<TokenFault> = "access_tokens_refused_total", "Access tokens that were not believed, by what is wrong with them. Those that expired are everyday business.";
    ENDED: CounterBy<SessionEnd> = "sessions_ended_total", "Sessions ended by requests or by their age, by reason. Those that commands end are not counted; the audit trail has them.";
    SESSIONS: Gauge = "sessions", "Sessions that go on, refreshed in the background; aggregate over instances with max.";
}

static WRONG_PARTIES: [Mutex<Option<Sketch>>; Party::ALL.len()] = [const { Mutex::new(None) }; Party::ALL.len()];

/// A sign-in ended, after so long.
pub fn sign_in(outcome: SignInOutcome, took: Duration) {
    SIGN_INS.at(outcome).inc();
    if outcome == SignInOutcome::Success {
        DURATION.observe(took.as_secs_f64());
    }
}

/// The sign-ins since the start.
pub(super) fn by_outcome() -> BTreeMap<&'static str, u64> {
    SignInOutcome::ALL.iter().map(|outcome| (outcome.as_str(), SIGN_INS.at(*outcome).get())).collect()
}

/// How long successful sign-ins took.
pub(super) fn took() -> [u64; LATENCY_BUCKETS] {
    registry::took(&DURATION)
}

/// A user signed in for the first time.
pub fn first_sign_in(within: FirstSignIn) {
    FIRST.at(within).inc();
}

/// A password was said again.
pub fn password_confirmed(outcome: SignInOutcome) {
    CONFIRMATIONS.at(outcome).inc();
}

/// A password was wrong, for this account, from this client.
pub fn wrong_password(account: &str, client: &str) {
    for (party, name) in Party::ALL.iter().zip([account, client]) {
        with_parties(*party, |sketch| sketch.happened(hash_of(Some(name)), Instant::now(), unix_now()));
    }
}

/// Brings the gauges up to date that say what was of late.
pub(super) fn refresh() {
    for party in Party::ALL {
        let now = Instant::now();
        let distinct = with_parties(*party, |sketch| {
            sketch.end_incident(now);
            sketch.in_window(now)
        });
        WRONG.at(*party).set(distinct);
    }
}

fn with_parties<T>(party: Party, work: impl FnOnce(&mut Sketch) -> T) -> T {
    let mut sketch = WRONG_PARTIES[party as usize].lock().unwrap_or_else(PoisonError::into_inner);
    work(sketch.get_or_insert_default())
}

/// A refresh ended.
pub fn token_refresh(outcome: RefreshOutcome) {
    REFRESHES.at(outcome).inc();
}

/// An access token was not believed.
pub fn access_token_refused(fault: TokenFault) {
    REFUSED.at(fault).inc();
}

/// So many sessions ended.
pub fn sessions_ended(reason: SessionEnd, sessions: usize) {
    ENDED.at(reason).inc_by(sessions as u64);
}

/// So many sessions go on.
pub fn sessions(sessions: i64) {
    SESSIONS.set(sessions as f64);
}
