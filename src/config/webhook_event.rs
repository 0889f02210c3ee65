//! The events of users that others can be told of.

use std::fmt;

use crate::label::{labels, parse};

labels! {
    /// What happens to a user, by the name that receivers know it by.
    pub enum WebhookEvent("event") {
        /// The user is new.
        Registered = "user.registered",
        /// The address was shown to be the user's own.
        Verified = "user.verified",
        /// The name or the role is another, or the user may use the service again.
        Updated = "user.updated",
        /// The user was switched off.
        Deactivated = "user.deactivated",
        /// The user was erased.
        Deleted = "user.deleted",
    }
}

impl WebhookEvent {
    /// The event of this name.
    pub fn parse(text: &str) -> Option<Self> {
        parse(text)
    }
}

impl fmt::Display for WebhookEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
