//! What a browser keeps of a session that began on the pages: 256 random bits in a cookie, of which the database has the SHA-256, in
//! the row of the session.
//!
//! It is not used up and followed by another one, as a refresh token is: two pages that are opened at once would each come with the
//! same, and a browser that lost an answer would be taken for a thief. What rotation is for, to find a copy, is worth less here: no
//! script of a page can read the cookie, it goes to this host alone (`__Host-`), and it opens the pages and nothing of the API. It
//! lives as long as its session: until that has not been used for `session_idle`, or is `session_lifetime` old, or is ended.
//!
//! The prefix wants `Secure`, which browsers take over HTTPS; Chromium does over HTTP from `localhost` and loopback addresses too.

use std::time::Duration;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use futures_util::FutureExt;
use http::HeaderValue;
use http::header::COOKIE;

use super::device::Device;
use super::session::{Session, touch};
use crate::accounts::opaque_token::OpaqueToken;
use crate::accounts::users::User;
use crate::clock;
use crate::config::SignInConfig;
use crate::error::{Error, Result};
use crate::http::{Context, FromHead, Request, Takes};
use crate::sealing::HASH_BYTES;
use crate::store::Db;
use crate::store::moment::Moment;
use crate::store::query::{with_read, with_write};
use crate::store::schema::{sessions, users};
use crate::store::types::Id;
use crate::telemetry::metrics::DbOperation;

const NAME: &str = "__Host-neodyme_session";
/// A session that was used so lately is not written again for the next page; see [`used_lately`].
const USED_LATELY: Duration = Duration::from_secs(60);
/// A session is written so often at least, while it is in use, before it would end of not being used.
const WRITTEN_BEFORE_END: u32 = 4;

/// The cookie of a session. Printing does not show it.
#[derive(Clone, Debug)]
pub struct SessionCookie(OpaqueToken);

/// The cookie that a request comes with, if any.
pub struct Kept(pub Option<SessionCookie>);

impl SessionCookie {
    /// Makes a new one.
    ///
    /// # Errors
    /// [`Error::Authentication`] when the system gives no random numbers.
    pub fn generate() -> Result<Self> {
        OpaqueToken::generate().map(SessionCookie)
    }

    /// What the database knows it by.
    pub fn hash(&self) -> [u8; HASH_BYTES] {
        self.0.hash()
    }

    /// `Set-Cookie`, for as long as the session goes on unless it is used.
    ///
    /// # Errors
    /// None that is known: the text has no character that a header cannot have.
    pub fn kept_for(&self, session: &Session) -> Result<HeaderValue> {
        header(self.0.expose(), begun_seconds(session.expires_at - clock::now()))
    }

    /// `Set-Cookie` that takes it away.
    ///
    /// # Errors
    /// Those of [`SessionCookie::kept_for`].
    pub fn taken_away() -> Result<HeaderValue> {
        header("", 0)
    }

    /// Whose it is, as long as the session goes on and the user is not switched off.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find(&self, db: &Db) -> Result<Option<(Session, User)>> {
        let hash = self.hash();
        with_read!(db, DbOperation::Sessions, |conn| async {
            sessions::table
                .inner_join(users::table)
                .filter(sessions::cookie_hash.eq(hash.as_slice()))
                .filter(sessions::expires_at.gt(Moment::now()))
                .filter(users::is_active)
                .select((sessions::all_columns, users::all_columns))
                .first::<(Session, User)>(conn)
                .await
                .optional()
        })
    }
}

/// Seconds, of which the last has begun: a browser takes a cookie away that has none left. The database knows when the session ends.
fn begun_seconds(left: time::Duration) -> i64 {
    let is_begun = left.subsec_nanoseconds() > 0;
    (left.whole_seconds() + i64::from(is_begun)).max(0)
}

fn header(value: &str, seconds: i64) -> Result<HeaderValue> {
    let text = format!("{NAME}={value}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=Lax");
    let mut header = HeaderValue::try_from(text).map_err(|error| Error::Internal(error.to_string()))?;
    header.set_sensitive(true);
    Ok(header)
}

impl FromHead for Kept {
    fn takes() -> Takes {
        Takes::default()
    }

    fn from_head(request: &Request) -> Result<Self> {
        // Cookies of others on this host may have any bytes.
        let headers = request.head.headers.get_all(COOKIE).iter();
        Ok(Kept(headers.flat_map(|header| header.as_bytes().split(|byte| *byte == b';')).find_map(read)))
    }
}

fn read(pair: &[u8]) -> Option<SessionCookie> {
    let value = pair.trim_ascii().strip_prefix(NAME.as_bytes())?.strip_prefix(b"=")?;
    OpaqueToken::parse(std::str::from_utf8(value).ok()?).ok().map(SessionCookie)
}

/// Gives a session another cookie: a copy of the one before opens nothing any more.
///
/// # Errors
/// When the system gives no random numbers, or the database fails.
pub async fn replace(db: &Db, session: &Session) -> Result<SessionCookie> {
    let cookie = SessionCookie::generate()?;
    let hash = cookie.hash();
    with_write!(db, DbOperation::Sessions, |conn| {
        diesel::update(sessions::table.find(Id(session.id)))
            .set(sessions::cookie_hash.eq(Some(hash.as_slice())))
            .execute(conn)
    })?;
    Ok(cookie)
}

/// Notes that a session is used, unless it was lately. Gives it as it is then.
///
/// # Errors
/// When the database fails.
pub async fn keep_up(
    db: &Db,
    session: &Session,
    context: &Context,
    device: Device,
    config: &SignInConfig,
) -> Result<Option<Session>> {
    if clock::now() - session.last_used_at < used_lately(config.session_idle) {
        return Ok(None);
    }
    let used = session.clone().used_by(context, device, config);
    let written = used.clone();
    let goes_on = db.transaction(move |tx| async move { touch(tx, &written).await }.boxed()).await?;
    Ok(goes_on.then_some(used))
}

/// How lately a session was used that is not written again: one that is in use must not end.
fn used_lately(session_idle: Duration) -> Duration {
    USED_LATELY.min(session_idle / WRITTEN_BEFORE_END)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_found_among_others_and_never_printed() {
        let cookie = SessionCookie::generate().unwrap();
        let value = cookie.0.expose();
        let found = read(format!(" {NAME}={value}").as_bytes()).unwrap();
        assert_eq!(found.hash(), cookie.hash());
        assert!(!format!("{found:?}").contains(value));
        for other in ["", NAME, &format!("{NAME}="), &format!("{NAME}2={value}"), &format!("x{NAME}={value}")] {
            assert!(read(other.as_bytes()).is_none(), "{other}");
        }
    }

    #[test]
    fn a_session_in_use_is_written_before_it_would_end() {
        for (idle, lately) in [(1, 250), (10, 2_500), (59, 14_750), (240, 60_000), (2_592_000, 60_000)] {
            assert_eq!(used_lately(Duration::from_secs(idle)), Duration::from_millis(lately), "{idle} s");
        }
    }

    #[test]
    fn a_cookie_is_kept_as_long_as_its_session_goes_on() {
        for (left, seconds) in [(-1, 0), (0, 0), (1, 1), (999_999_999, 1), (1_000_000_000, 1), (1_000_000_001, 2)] {
            assert_eq!(begun_seconds(time::Duration::nanoseconds(left)), seconds, "{left} ns");
        }
    }

    #[test]
    fn a_cookie_goes_to_this_host_alone_and_to_no_script() {
        let header = header("x", 7).unwrap();
        assert!(header.is_sensitive());
        let expected = format!("{NAME}=x; Path=/; Max-Age=7; Secure; HttpOnly; SameSite=Lax");
        assert_eq!(header.to_str().unwrap(), expected);
    }
}
