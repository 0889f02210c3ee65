//! `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header): a registration that is sent again, since nobody knows what
//! became of it, is answered as it was first.
//!
//! The key stands in the transaction that registers the user, so that there is either both or neither. It stands there as a keyed
//! hash, as does whom it registers. The password is not in that: it is held against the user's own hash.

use std::time::Duration;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use futures_util::FutureExt;
use http::HeaderMap;
use schemars::json_schema;
use time::OffsetDateTime;
use uuid::Uuid;

use super::form::Registration;
use crate::accounts::sign_in;
use crate::accounts::users::User;
use crate::error::{Error, Result};
use crate::http::{Context, FromHead, Parameter, Request, Takes};
use crate::sealing::{self, HASH_BYTES};
use crate::state::App;
use crate::store::Db;
use crate::store::error::is_unique_violation;
use crate::store::prune::{Kept, prune};
use crate::store::query::{insertion, row, with_read, with_tx};
use crate::store::schema::{registration_keys, users};
use crate::store::types::{Id, UtcTime};
use crate::telemetry::metrics::DbOperation;

const HEADER: &str = "Idempotency-Key";
const LONGEST: usize = 255;
/// How long a key is remembered.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// The key of a request, if it has one.
pub struct IdempotencyKey {
    key: Option<String>,
    /// Whether it is another key with each body.
    is_of_body: bool,
}

/// What shows that a request was sent before.
#[derive(Clone, Copy)]
pub(super) struct Repeatable {
    key: [u8; HASH_BYTES],
    fingerprint: [u8; HASH_BYTES],
}

/// The row of a request that registered a user.
pub(super) struct KeyRow {
    sent: Repeatable,
    user_id: Uuid,
    created_at: OffsetDateTime,
}

/// What the first request with a key did.
#[derive(Queryable)]
pub(super) struct First {
    fingerprint: Vec<u8>,
    user: User,
}

impl FromHead for IdempotencyKey {
    fn takes() -> Takes {
        let about = "A new UUID for each registration, in quotes: the same request with the same key, sent again within a day, \
                     is answered as it was first.";
        let schema = json_schema!({ "type": "string", "minLength": 1, "maxLength": LONGEST + 2 });
        Takes { headers: vec![Parameter::new(HEADER, about, schema)], ..Takes::default() }
    }

    fn from_head(request: &Request) -> Result<Self> {
        read(&request.head.headers).map(|key| IdempotencyKey { key, is_of_body: false })
    }
}

/// A string as structured fields have it (RFC 8941, 3.3.3), or the same without its quotes, as many clients send it.
fn read(headers: &HeaderMap) -> Result<Option<String>> {
    const FORM: Error =
        Error::MalformedRequest("Idempotency-Key must be one string of 1 to 255 visible characters in quotes");
    let mut values = headers.get_all(HEADER).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let text = value.to_str().map_err(|_| FORM)?.trim();
    let key = if text.starts_with('"') { quoted(text) } else { bare(text) };
    let key = key.filter(|key| (1..=LONGEST).contains(&key.len()) && values.next().is_none());
    key.map(Some).ok_or(FORM)
}

fn quoted(text: &str) -> Option<String> {
    let mut inner = text.strip_prefix('"')?.strip_suffix('"')?.chars();
    let mut key = String::new();
    while let Some(character) = inner.next() {
        match character {
            '\\' => key.push(inner.next().filter(|escaped| matches!(escaped, '"' | '\\'))?),
            '"' => return None,
            ' '..='~' => key.push(character),
            _ => return None,
        }
    }
    Some(key)
}

fn bare(text: &str) -> Option<String> {
    text.bytes()
        .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\' | b',' | b';'))
        .then(|| text.to_owned())
}

impl IdempotencyKey {
    /// The key of a form of a page, which is sent by a double tap as well as once more with another address.
    pub fn of_form(key: &str) -> Self {
        let key = (1..=LONGEST).contains(&key.len()).then(|| key.to_owned());
        IdempotencyKey { key, is_of_body: true }
    }

    /// The same key, but another one with each body: nobody is told that it was used with another.
    pub(super) fn of_body(self) -> Self {
        IdempotencyKey { is_of_body: true, ..self }
    }

    /// What shows that it is sent again; nothing where the client has no key for it.
    pub(super) fn with(&self, registration: &Registration, secret: &[u8]) -> Option<Repeatable> {
        let key = self.key.as_deref()?;
        let (email, name) = (registration.email.expose(), registration.full_name.expose());
        let keyed = |purpose: &str, parts: &[&str]| {
            let parts: Vec<String> = parts.iter().map(|part| format!("{}:{part}", part.len())).collect();
            sealing::keyed_hash(secret, format!("{purpose} {}", parts.concat()).as_bytes())
        };
        let hash = match self.is_of_body {
            true => keyed("registration key of a body", &[key, email, name]),
            false => keyed("registration key", &[key]),
        };
        Some(Repeatable { key: hash, fingerprint: keyed("registration", &[email, name]) })
    }
}

impl Repeatable {
    /// That this user was registered with it.
    pub(super) fn row(self, user: &User) -> KeyRow {
        KeyRow { sent: self, user_id: user.id, created_at: user.created_at }
    }

    /// What the first request with this key did, if this is not the first.
    pub(super) async fn find(&self, db: &Db) -> Result<Option<First>> {
        with_read!(db, DbOperation::FindUser, |conn| async {
            registration_keys::table
                .inner_join(users::table)
                .filter(registration_keys::key_hash.eq(self.key.as_slice()))
                .select((registration_keys::fingerprint, users::all_columns))
                .first::<First>(conn)
                .await
                .optional()
        })
    }
}

impl Repeatable {
    /// As much work as to register somebody, or to tell an owner: where nobody is told which, time does not tell either.
    pub(super) async fn touch(self, db: &Db) -> Result<()> {
        db.transaction(move |tx| {
            async move {
                with_tx!(tx, DbOperation::InsertRows, |conn| {
                    diesel::update(registration_keys::table.find(self.key.as_slice()))
                        .set(registration_keys::fingerprint.eq(self.fingerprint.as_slice()))
                        .execute(conn)
                })
                .map(drop)
            }
            .boxed()
        })
        .await
    }
}

impl First {
    /// The user.
    pub(super) fn into_user(self) -> User {
        self.user
    }

    /// The user, as the first request was answered, if this one says the same. A password that is another one counts as one that
    /// is tried: a key that others can guess gives them no more tries.
    pub(super) async fn answer(
        self,
        app: &App,
        context: &Context,
        sent: &Repeatable,
        registration: &Registration,
    ) -> Result<User> {
        if self.fingerprint != sent.fingerprint {
            return Err(Error::IdempotencyKeyReused);
        }
        let confirmed = sign_in::confirm(app, context, &self.user, registration.password.as_password()).await;
        confirmed.map_err(|error| match error {
            Error::ConfirmationWrong => Error::IdempotencyKeyReused,
            other => other,
        })?;
        // What has changed since is not in the first answer.
        Ok(User {
            email: registration.email.expose().into(),
            full_name: registration.full_name.expose().into(),
            is_active: true,
            updated_at: self.user.created_at,
            ..self.user
        })
    }
}

/// Whether a transaction failed since its key was used.
pub(super) fn is_key_taken(error: &Error) -> bool {
    is_unique_violation(error, "registration_keys_pkey", "registration_keys.key_hash")
}

row!(KeyRow, insertion);

fn insertion(row: &KeyRow) -> insertion!() {
    diesel::insert_into(registration_keys::table).values((
        registration_keys::key_hash.eq(row.sent.key.as_slice()),
        registration_keys::fingerprint.eq(row.sent.fingerprint.as_slice()),
        registration_keys::user_id.eq(Id(row.user_id)),
        registration_keys::created_at.eq(UtcTime(row.created_at)),
    ))
}

/// Removes at most `limit` keys that are a day old.
///
/// # Errors
/// When the database fails.
pub async fn prune_keys(db: &Db, now: OffsetDateTime, limit: usize) -> Result<usize> {
    const KEYS: Kept<'_> = Kept { table: "registration_keys", key: "key_hash", time: "created_at", also: "TRUE" };
    prune(db, KEYS, now - KEPT, limit).await
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn key(values: &[&str]) -> Result<Option<String>> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(HEADER, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        read(&headers)
    }

    #[test]
    fn a_key_is_a_string_with_or_without_its_quotes() {
        assert_eq!(key(&[]).unwrap(), None);
        for (sent, is) in [(r#""a b""#, "a b"), ("a-b", "a-b"), (r#""a\"\\b""#, r#"a"\b"#), (r#" "a" "#, "a")] {
            assert_eq!(key(&[sent]).unwrap().as_deref(), Some(is), "{sent}");
        }
        let (longest, too_long) = ("a".repeat(LONGEST), "a".repeat(LONGEST + 1));
        assert_eq!(key(&[&longest]).unwrap(), Some(longest));
        for sent in
            ["", "\"", "\"\"", "\"a", "a\"", "a b", "a,b", "a;b", r#""a"b""#, r#""a\b""#, "\"ä\"", "ä", &too_long]
        {
            assert!(matches!(key(&[sent]), Err(Error::MalformedRequest(_))), "{sent}");
        }
        assert!(matches!(key(&["a", "a"]), Err(Error::MalformedRequest(_))));
    }

    proptest! {
        #[test]
        fn what_is_quoted_is_what_was_meant(text in "[ -~]{1,255}") {
            let sent = format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
            prop_assert_eq!(key(&[&sent]).unwrap(), Some(text));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(value) = HeaderValue::from_bytes(&bytes) {
                let headers = HeaderMap::from_iter([(http::HeaderName::from_static("idempotency-key"), value)]);
                let _ = read(&headers);
            }
        }
    }
}
