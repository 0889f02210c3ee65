//! The keys that there are: the last whose time has come signs, and all of them are believed.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use jsonwebtoken::{DecodingKey, Validation, decode, decode_header, encode};
use schemars::JsonSchema;
use serde::Serialize;
use time::OffsetDateTime;
use uuid::Uuid;

use super::claims::{Caller, Claims, LEEWAY, TYPE, fault_of, header, validation};
use super::key::Jwk;
use super::provider;
use super::ring_key::{RingKey, Standing, signer};
use crate::clock;
use crate::error::{Error, Result};
use crate::telemetry::metrics::{self, TokenFault};

/// No token of ours is longer.
const LONGEST: usize = 2048;

/// A signed token.
pub struct AccessToken {
    /// As it is sent.
    pub text: String,
    /// Until when it is believed.
    pub expires_at: OffsetDateTime,
}

/// The public keys, as others read them (RFC 7517, 5).
#[derive(Debug, Serialize, JsonSchema)]
pub struct Jwks {
    keys: Vec<Jwk>,
}

/// Signs tokens, and believes those that it signed.
pub struct Keyring {
    keys: RwLock<Arc<[RingKey]>>,
    issuer: String,
    audience: String,
    lifetime: Duration,
    validation: Validation,
}

impl Keyring {
    /// One without keys, for tokens of this issuer, for this audience, which are believed for so long.
    pub fn new(issuer: &str, audience: &str, lifetime: Duration) -> Self {
        provider::install();
        Keyring {
            keys: RwLock::new(Arc::new([])),
            issuer: issuer.to_owned(),
            audience: audience.to_owned(),
            lifetime,
            validation: validation(issuer, audience),
        }
    }

    /// From here on these are the keys: the last one whose time has come signs.
    pub fn replace(&self, keys: Vec<RingKey>) {
        let Standing { keys: count, signer, .. } = Standing::of(&keys, clock::now());
        metrics::signing_keys(count, signer.map(|key| (key.signs_from, key.is_usable)));
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys.into();
    }

    fn keys(&self) -> Arc<[RingKey]> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// How they stand.
    pub fn standing(&self) -> Standing {
        Standing::of(&self.keys(), clock::now())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.keys().is_empty()
    }

    /// The public keys.
    pub fn jwks(&self) -> Jwks {
        Jwks { keys: self.keys().iter().map(|key| key.public.jwk()).collect() }
    }

    /// A token for this session of this user.
    ///
    /// # Errors
    /// [`Error::Authentication`] where there is no key that signs.
    pub fn sign(&self, caller: Caller) -> Result<AccessToken> {
        // By the clock of the machine, as everybody else verifies it.
        let now = OffsetDateTime::now_utc();
        let expires_at = now + self.lifetime;
        let claims = Claims {
            iss: self.issuer.clone(),
            aud: self.audience.clone(),
            sub: caller.user_id,
            sid: caller.session_id,
            iat: now.unix_timestamp(),
            exp: expires_at.unix_timestamp(),
            jti: Uuid::new_v4(),
        };
        let keys = self.keys();
        let key =
            signer(&keys, clock::now()).ok_or_else(|| Error::Authentication("there is no key to sign with".into()))?;
        let signing = key.signing.as_ref().ok_or_else(|| {
            let kid = &key.public.kid;
            Error::Authentication(format!("the key {kid} cannot be read: is key_encryption_key the right one?").into())
        })?;
        let text = encode(&header(&key.public.kid), &claims, &signing.encoding);
        Ok(AccessToken { text: text.map_err(|error| Error::Authentication(error.into()))?, expires_at })
    }

    /// Who calls with this token.
    ///
    /// # Errors
    /// Why it is not believed.
    pub fn verify(&self, token: &[u8]) -> std::result::Result<Caller, TokenFault> {
        if token.len() > LONGEST {
            return Err(TokenFault::Malformed);
        }
        let head = decode_header(token).map_err(|error| fault_of(error.kind()))?;
        // What a `crit` names must be understood (RFC 7515, 4.1.11), and nothing is here.
        if head.typ.as_deref() != Some(TYPE) || head.crit.is_some() {
            return Err(TokenFault::Malformed);
        }
        let kid = head.kid.ok_or(TokenFault::UnknownKey)?;
        let key = self.decoding(&kid).ok_or(TokenFault::UnknownKey)?;
        let decoded = decode::<Claims>(token, &key, &self.validation);
        let claims = decoded.map_err(|error| fault_of(error.kind()))?.claims;
        if claims.iat > OffsetDateTime::now_utc().unix_timestamp() + LEEWAY.as_secs().cast_signed() {
            return Err(TokenFault::Claims);
        }
        Ok(Caller { user_id: claims.sub, session_id: claims.sid })
    }

    fn decoding(&self, kid: &str) -> Option<DecodingKey> {
        self.keys().iter().find(|key| key.public.kid == kid).map(|key| key.public.decoding.clone())
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use jsonwebtoken::{Algorithm, Header};
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::super::key::SigningKey;
    use super::*;

    const LIFETIME: Duration = Duration::from_secs(900);

    fn ring_key(signs_from: OffsetDateTime) -> RingKey {
        let signing = SigningKey::generate().unwrap();
        RingKey { public: signing.public.clone(), signing: Some(signing), signs_from }
    }

    fn keyring() -> (Keyring, RingKey) {
        let (keyring, key) = (Keyring::new("neodyme", "api", LIFETIME), ring_key(OffsetDateTime::UNIX_EPOCH));
        keyring.replace(vec![key.clone()]);
        (keyring, key)
    }

    fn caller() -> Caller {
        Caller { user_id: Uuid::now_v7(), session_id: Uuid::now_v7() }
    }

    fn good_claims(caller: Caller) -> Value {
        let now = OffsetDateTime::now_utc().unix_timestamp();
        json!({
            "iss": "neodyme", "aud": "api", "sub": caller.user_id, "sid": caller.session_id, "iat": now, "exp": now + 60,
            "jti": Uuid::new_v4(),
        })
    }

    fn signed(key: &RingKey, header: &Header, claims: &Value) -> String {
        encode(header, claims, &key.signing.as_ref().unwrap().encoding).unwrap()
    }

    #[test]
    fn a_token_says_who_calls() {
        let ((keyring, key), caller) = (keyring(), caller());
        let token = keyring.sign(caller).unwrap();
        assert_eq!(keyring.verify(token.text.as_bytes()), Ok(caller));
        let head = decode_header(&token.text).unwrap();
        assert_eq!((head.alg, head.typ.as_deref(), head.kid), (Algorithm::ES256, Some("at+jwt"), Some(key.public.kid)));
    }

    #[test]
    fn the_last_key_whose_time_has_come_signs_and_all_are_believed() {
        let (keyring, now) = (Keyring::new("neodyme", "api", LIFETIME), OffsetDateTime::now_utc());
        assert!(matches!(keyring.sign(caller()), Err(Error::Authentication(_))));
        let hours = [-2, -1, 1].map(|hours| ring_key(now + time::Duration::hours(hours)));
        let [old, present, next] = hours.clone();
        let kid = |token: &AccessToken| decode_header(&token.text).unwrap().kid.unwrap();
        keyring.replace(vec![old.clone()]);
        let before = keyring.sign(caller()).unwrap();
        keyring.replace(vec![old.clone(), present.clone(), next.clone()]);
        assert_eq!(kid(&keyring.sign(caller()).unwrap()), present.public.kid);
        assert!(keyring.verify(before.text.as_bytes()).is_ok());
        assert_eq!(keyring.jwks().keys.len(), 3);
        keyring.replace(vec![present, next]);
        assert_eq!(keyring.verify(before.text.as_bytes()), Err(TokenFault::UnknownKey));
        let unreadable = RingKey { signing: None, ..old };
        keyring.replace(vec![unreadable]);
        assert!(matches!(keyring.sign(caller()), Err(Error::Authentication(_))));
    }

    #[test]
    fn a_token_that_is_not_ours_is_not_believed() {
        let ((keyring, key), caller) = (keyring(), caller());
        let head = header(&key.public.kid);
        let verify = |token: &str| keyring.verify(token.as_bytes());
        assert_eq!(verify(&signed(&key, &head, &good_claims(caller))), Ok(caller));

        let stranger = ring_key(OffsetDateTime::UNIX_EPOCH);
        assert_eq!(verify(&signed(&stranger, &head, &good_claims(caller))), Err(TokenFault::Signature));
        let of_stranger = signed(&stranger, &header(&stranger.public.kid), &good_claims(caller));
        assert_eq!(verify(&of_stranger), Err(TokenFault::UnknownKey));
        assert_eq!(
            verify(&signed(&key, &Header { kid: None, ..head.clone() }, &good_claims(caller))),
            Err(TokenFault::UnknownKey)
        );
        for typ in [None, Some("JWT".to_owned())] {
            let token = signed(&key, &Header { typ, ..head.clone() }, &good_claims(caller));
            assert_eq!(verify(&token), Err(TokenFault::Malformed));
        }
        let critical = Header { crit: Some(vec!["b64".into()]), ..head.clone() };
        assert_eq!(verify(&signed(&key, &critical, &good_claims(caller))), Err(TokenFault::Malformed));

        // The key that is public as the secret of an HMAC, and none at all.
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let hs256 = json!({ "alg": "HS256", "typ": TYPE, "kid": key.public.kid });
        let message = format!("{}.{}", part(&hs256), part(&good_claims(caller)));
        let secret = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, key.public.point());
        let tag = URL_SAFE_NO_PAD.encode(ring::hmac::sign(&secret, message.as_bytes()));
        assert_eq!(verify(&format!("{message}.{tag}")), Err(TokenFault::Algorithm));
        for alg in ["none", "None", "NONE", ""] {
            let none = json!({ "alg": alg, "typ": TYPE, "kid": key.public.kid });
            for signature in ["", "AAAA"] {
                let token = format!("{}.{}.{signature}", part(&none), part(&good_claims(caller)));
                assert_eq!(verify(&token), Err(TokenFault::Malformed), "{alg}");
            }
        }
    }

    #[test]
    fn every_claim_is_asked_for() {
        let ((keyring, key), caller) = (keyring(), caller());
        let verify = |change: Value| {
            let mut claims = good_claims(caller);
            for (name, value) in change.as_object().unwrap() {
                claims[name] = value.clone();
            }
            claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
            keyring.verify(signed(&key, &header(&key.public.kid), &claims).as_bytes())
        };
        let now = OffsetDateTime::now_utc().unix_timestamp();
        assert_eq!(verify(json!({})), Ok(caller));
        assert_eq!(verify(json!({ "exp": now - 2 })), Ok(caller), "within the leeway");
        assert_eq!(verify(json!({ "exp": now - 8 })), Err(TokenFault::Expired));
        assert_eq!(verify(json!({ "iat": now + 2 })), Ok(caller), "within the leeway");
        for wrong in [
            json!({ "iat": now + 60 }),
            json!({ "nbf": now + 60 }),
            json!({ "iss": "another" }),
            json!({ "aud": "another" }),
        ] {
            assert_eq!(verify(wrong.clone()), Err(TokenFault::Claims), "{wrong}");
        }
        for name in ["iss", "aud", "sub", "sid", "iat", "exp", "jti"] {
            for value in [Value::Null, json!(true), json!({}), json!("x y")] {
                let refused = verify(json!({ name: value }));
                assert!(refused.is_err_and(|fault| fault != TokenFault::Expired), "{name} {value}");
            }
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300), text in "[A-Za-z0-9_.-]{0,300}") {
            let (keyring, _) = keyring();
            prop_assert!(keyring.verify(&bytes).is_err() && keyring.verify(text.as_bytes()).is_err());
        }

        #[test]
        fn a_changed_token_is_refused(at in any::<prop::sample::Index>(), to in any::<u8>()) {
            let (keyring, _) = keyring();
            let mut token = keyring.sign(caller()).unwrap().text.into_bytes();
            let at = at.index(token.len());
            prop_assume!(token[at] != to);
            token[at] = to;
            prop_assert!(keyring.verify(&token).is_err());
        }
    }
}
