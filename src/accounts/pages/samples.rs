//! Somebody who is shown pages where there is nobody: in a trial of the templates, and in a preview.

use time::OffsetDateTime;
use uuid::Uuid;

use super::account::AccountView;
use crate::accounts::sessions::Session;
use crate::accounts::users::{Role, User};

/// The address.
pub(super) const EMAIL: &str = "ada@example.com";
/// A session other than the one that the page is seen in.
pub(super) const OTHER_SESSION: Uuid = Uuid::from_u128(2);

const SEEN_IN: Uuid = Uuid::from_u128(1);
const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Firefox/140.0";

/// The page of somebody of whom much is known, or as little as may be.
pub(super) fn account(is_known: bool) -> AccountView {
    let now = if is_known { OffsetDateTime::now_utc() } else { OffsetDateTime::UNIX_EPOCH };
    let user = User {
        id: Uuid::nil(),
        email: EMAIL.into(),
        email_key: EMAIL.into(),
        full_name: "Ada Lovelace".into(),
        password_hash: String::new().into(),
        is_active: true,
        created_at: now,
        updated_at: now,
        email_verified_at: is_known.then_some(now),
        role: Role::User,
        locale: None,
    };
    let session = |id: Uuid| Session {
        id,
        user_id: user.id,
        created_at: now,
        last_used_at: now,
        expires_at: now,
        client_ip: is_known.then(|| "192.0.2.7".into()),
        user_agent: is_known.then(|| BROWSER.into()),
        cookie_hash: None,
    };
    let sessions = vec![session(SEEN_IN), session(OTHER_SESSION)];
    AccountView::new("", user.clone(), sessions, SEEN_IN)
}
