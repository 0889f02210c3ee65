//! A user is made by an operator: the first admin, above all. Nobody is welcomed.

use futures_util::{FutureExt, TryFutureExt};
use serde_json::json;
use uuid::Uuid;

use super::actor::Actor;
use super::users::{self, Role, User};
use super::webhooks::Webhooks;
use crate::clock;
use crate::error::Result;
use crate::password::PasswordHash;
use crate::store::{Db, types};
use crate::values::{Email, FullName};

/// Who is to be made.
#[derive(Clone, Debug)]
pub struct Newcomer {
    /// The address.
    pub email: Email,
    /// The name.
    pub full_name: FullName,
    /// The hash of the password.
    pub password_hash: PasswordHash,
    /// What the user may do beside what all may.
    pub role: Role,
}

/// Makes a user, and tells endpoints.
///
/// # Errors
/// [`Error::EmailAlreadyExists`](crate::error::Error::EmailAlreadyExists), that the address is
/// [kept](users::kept_for_another), or when the database fails.
pub async fn create(db: &Db, webhooks: &Webhooks, actor: &Actor, newcomer: &Newcomer) -> Result<User> {
    let now = types::to_micros(clock::now());
    let user = User {
        id: Uuid::now_v7(),
        email: newcomer.email.expose().into(),
        email_key: newcomer.email.key().into(),
        full_name: newcomer.full_name.expose().into(),
        password_hash: newcomer.password_hash.expose().into(),
        is_active: true,
        created_at: now,
        updated_at: now,
        // Who makes the user vouches for the address.
        email_verified_at: Some(now),
        role: newcomer.role,
        locale: None,
    };
    let email_key = user.email_key.clone();
    let (row, entry) = (user.clone(), actor.entry("user.created", user.id, json!({ "role": newcomer.role.as_str() })));
    let jobs = webhooks.registered(&user, actor.origin());
    let creation = db.transaction(move |tx| {
        tx.insert(row);
        tx.insert(entry);
        jobs.into_iter().for_each(|job| tx.insert(job));
        async move {
            match users::is_kept(tx, email_key.expose()).await? {
                true => Err(users::kept_for_another()),
                false => Ok(()),
            }
        }
        .boxed()
    });
    creation.map_err(users::as_address_taken).await?;
    Ok(user)
}
