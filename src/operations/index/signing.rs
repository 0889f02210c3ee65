//! The signing key, on which sign-ins depend: whether this instance can use it, and what is wrong where it cannot.

use serde::Serialize;

use super::failure::{self, Failure};
use super::trouble::Trouble;
use super::word::Word;
use crate::config::Config;
use crate::error::ErrorCode;
use crate::operations::words::counted;
use crate::state::App;
use crate::tokens::{KeyStanding, Standing};
use crate::values::timestamp::rfc3339;

/// What to do about a key that cannot be used.
const RUNBOOK: &str = "NeodymeSignInsFailing";

/// The key as it is shown.
#[derive(Debug, Serialize)]
pub(super) struct Shown {
    name: &'static str,
    state: Word,
    /// Which key it is.
    calls: String,
    /// How many there are.
    check: String,
    failure: Option<Failure>,
}

/// The key of this instance.
pub(super) fn shown(app: &App) -> Shown {
    let standing = app.keyring.standing();
    let state = state(&standing);
    let failure =
        (state.class == "bad").then(|| failure::last(ErrorCode::AuthenticationFailure, &app.config)).flatten();
    Shown { name: "signing key", state, calls: which(&standing), check: how_many(&standing), failure }
}

fn state(standing: &Standing) -> Word {
    match (&standing.signer, &standing.unreadable_next) {
        (None, _) => Word::bad("missing"),
        (Some(KeyStanding { is_usable: false, .. }), _) => Word::bad("cannot be read"),
        (Some(_), Some(_)) => Word::warn("works, and the next one cannot be read"),
        (Some(_), None) => Word::good("works"),
    }
}

fn which(Standing { signer, .. }: &Standing) -> String {
    match signer {
        None => "This instance has no key, and signs nobody in.".into(),
        Some(KeyStanding { kid, is_usable: false, .. }) => {
            format!("The key {kid} signs, and this instance cannot read it; others may.")
        }
        Some(KeyStanding { kid, signs_from, .. }) if signs_from.unix_timestamp() > 0 => {
            format!("This instance signs with the key {kid}, since {}.", moment(&rfc3339(*signs_from)))
        }
        Some(KeyStanding { kid, .. }) => format!("This instance signs with the key {kid}."),
    }
}

fn how_many(standing: &Standing) -> String {
    match standing.keys {
        0 => String::new(),
        keys => format!("Tokens of {} are believed.", counted(keys as u64, "key")),
    }
}

/// To the second, as everywhere on the page.
fn moment(timestamp: &str) -> String {
    format!("{} UTC", timestamp.get(..19).unwrap_or(timestamp).replace('T', " "))
}

/// What is wrong with it.
pub(super) fn trouble(standing: &Standing, config: &Config) -> Option<Trouble> {
    let text = match (&standing.signer, &standing.unreadable_next) {
        (None, _) => "This instance has no key to sign access tokens with: nobody can sign in here.".into(),
        (Some(KeyStanding { kid, is_usable: false, .. }), _) => format!(
            "This instance cannot read the signing key {kid}: nobody can sign in here, nor stay signed in. {}",
            why(config)
        ),
        (Some(_), Some(next)) => {
            let (kid, from) = (&next.kid, moment(&rfc3339(next.signs_from)));
            let text = format!(
                "This instance cannot read the next signing key {kid}: from {from} on nobody can sign in here. {}",
                why(config)
            );
            return Some(Trouble::new("warn", RUNBOOK, text));
        }
        (Some(_), None) => return None,
    };
    Some(Trouble::new("bad", RUNBOOK, text).telling(ErrorCode::AuthenticationFailure, config))
}

/// What a key is most likely unreadable for.
const fn why(config: &Config) -> &'static str {
    match config.sign_in.key_encryption_key {
        None => "It is encrypted, and key_encryption_key is not set here.",
        Some(_) => "Is key_encryption_key the one that the others have?",
    }
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::*;

    #[test]
    fn it_is_green_only_if_this_instance_can_sign_now_and_later() {
        let key = |is_usable| KeyStanding { kid: "k1".into(), signs_from: OffsetDateTime::UNIX_EPOCH, is_usable };
        let standing = |signer, unreadable_next| Standing { keys: 2, signer, unreadable_next };
        let class =
            |standing: &Standing| (state(standing).class, trouble(standing, &config()).map(|wrong| wrong.class));
        assert_eq!(class(&standing(Some(key(true)), None)), ("good", None));
        assert_eq!(class(&standing(Some(key(true)), Some(key(false)))), ("warn", Some("warn")));
        assert_eq!(class(&standing(Some(key(false)), None)), ("bad", Some("bad")));
        assert_eq!(class(&standing(None, None)), ("bad", Some("bad")));
    }

    fn config() -> Config {
        Config::load(&crate::config::Sources::default()).unwrap()
    }
}
