//! Who knows users: whose token it is, and what the user may do now.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::sessions;
use crate::error::{Error, Result, SESSION_ENDED};
use crate::fairness::ClientKey;
use crate::http::{self, Permission};
use crate::state::App;
use crate::telemetry::metrics;
use crate::tokens::Caller;

/// The users of this service.
pub struct Authority(pub Arc<App>);

impl http::Authority for Authority {
    fn identify(&self, token: &[u8]) -> Result<Caller> {
        self.0.keyring.verify(token).map_err(|fault| {
            metrics::access_token_refused(fault);
            Error::AccessTokenInvalid(fault.as_str())
        })
    }

    fn check(&self, caller: Caller, permission: Option<Permission>, client: ClientKey) -> BoxFuture<'_, Result<()>> {
        async move {
            let holder = {
                let _turn = self.0.db.turn(client).await?;
                sessions::holder(&self.0.db, caller).await?
            };
            let role = holder.ok_or_else(session_ended)?.role;
            match permission {
                Some(permission) if !role.may(permission) => Err(Error::PermissionMissing(permission.as_str())),
                _ => Ok(()),
            }
        }
        .boxed()
    }
}

/// The session of a valid token has ended, or its user is not there any more, or switched off.
pub(super) fn session_ended() -> Error {
    Error::AccessTokenInvalid(SESSION_ENDED)
}
