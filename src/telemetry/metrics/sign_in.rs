//! Sign-ins, and what is given to those who signed in.

use prometheus::Gauge;

use super::declare::{CounterBy, metrics};
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
        /// Passwords were wrong for this address, and it has to wait.
        Delayed = "delayed",
        /// So many were wrong that none is tried any more.
        Locked = "locked",
        /// Too many passwords wait to be hashed.
        Overloaded = "overloaded",
        /// The service failed.
        Error = "error",
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
        /// The service failed.
        Error = "error",
    }
}

labels! {
    /// What ended a session.
    pub enum SessionEnd("reason") {
        /// The user signed out.
        SignedOut = "signed_out",
        /// The user ended it from elsewhere.
        Ended = "ended",
        /// Somebody else ended it: an admin, or the erasure of its user.
        Revoked = "revoked",
        /// The user chose another password, in another session.
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
    REFRESHES: CounterBy<RefreshOutcome> = "token_refreshes_total", "Refresh tokens presented, by outcome.";
    REFUSED: CounterBy<TokenFault> = "access_tokens_refused_total", "Access tokens that were not believed, by what is wrong with them. Those that expired are everyday business.";
    ENDED: CounterBy<SessionEnd> = "sessions_ended_total", "Sessions ended, by reason.";
    SESSIONS: Gauge = "sessions", "Sessions that go on, refreshed in the background; aggregate over instances with max.";
}

/// A sign-in ended.
pub fn sign_in(outcome: SignInOutcome) {
    SIGN_INS.at(outcome).inc();
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
