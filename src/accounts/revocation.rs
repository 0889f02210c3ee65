//! A user is signed out everywhere, by somebody else.

use futures_util::FutureExt;
use serde_json::json;
use uuid::Uuid;

use super::actor::Actor;
use super::{sessions, users};
use crate::error::{Error, Result};
use crate::store::Db;

/// Ends all sessions of a user. Says how many there were. Access tokens that need no session are believed for some minutes more.
///
/// # Errors
/// [`Error::NotFound`], or when the database fails.
pub async fn revoke_sessions(db: &Db, actor: &Actor, id: Uuid) -> Result<usize> {
    let actor = actor.clone();
    db.transaction(move |tx| {
        async move {
            users::find_to_change(tx, id).await?.ok_or(Error::NotFound)?;
            let sessions = sessions::delete_all(tx, id).await?;
            tx.insert(actor.entry("sessions.revoked", id, json!({ "sessions": sessions })));
            Ok(sessions)
        }
        .boxed()
    })
    .await
}
