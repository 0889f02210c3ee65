//! Who calls, as far as that was shown; not whom a request is about.

use futures_util::future::BoxFuture;

use crate::error::Result;
use crate::fairness::ClientKey;
use crate::label::labels;
use crate::tokens::Caller;

/// Who calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Principal {
    /// Somebody who has not said who it is.
    Anonymous,
    /// Somebody who knows the token of the operations listener.
    Operator,
    /// A user, who has an access token.
    User(Caller),
}

labels! {
    /// What not every user may do.
    pub enum Permission("permission") {
        /// See other users.
        UsersRead = "users:read",
        /// Change other users.
        UsersWrite = "users:write",
        /// Delete other users.
        UsersDelete = "users:delete",
        /// See who did what.
        AuditRead = "audit:read",
    }
}

/// Who knows users.
pub trait Authority: Send + Sync {
    /// Whose access token this is.
    ///
    /// # Errors
    /// [`Error::AccessTokenInvalid`](crate::error::Error::AccessTokenInvalid).
    fn identify(&self, token: &[u8]) -> Result<Caller>;

    /// Asks whether the caller's session goes on, and whether the caller may do this: now, whatever the token says. It asks for
    /// the client whose turn that is.
    ///
    /// # Errors
    /// [`Error::AccessTokenInvalid`](crate::error::Error::AccessTokenInvalid),
    /// [`Error::PermissionMissing`](crate::error::Error::PermissionMissing), or when the database fails.
    fn check(&self, caller: Caller, permission: Option<Permission>, client: ClientKey) -> BoxFuture<'_, Result<()>>;
}
