//! What whoever signs in is given: tokens for a client of the API, a cookie for a browser on the pages.

use crate::accounts::sessions::{Pair, RefreshToken, Session, SessionCookie, TokenRow};
use crate::error::Result;
use crate::state::App;

/// What whoever signs in is given.
pub trait Ticket: Sized + Send {
    /// Makes it, for a session that is to begin; and the row of its token, where that has one of its own.
    ///
    /// # Errors
    /// [`Error::Authentication`](crate::error::Error::Authentication) when it cannot be made.
    fn issue(app: &App, session: &mut Session) -> Result<(Self, Option<TokenRow>)>;
}

/// What opens the pages.
pub struct Entry {
    /// What the browser keeps.
    pub cookie: SessionCookie,
    /// The session that it is of.
    pub session: Session,
}

impl Ticket for Pair {
    fn issue(app: &App, session: &mut Session) -> Result<(Self, Option<TokenRow>)> {
        let token = RefreshToken::generate()?;
        let pair = Pair::new(app.keyring.sign(session.caller())?, &token);
        Ok((pair, Some(TokenRow::next(token.hash(), session))))
    }
}

impl Ticket for Entry {
    fn issue(_app: &App, session: &mut Session) -> Result<(Self, Option<TokenRow>)> {
        let cookie = SessionCookie::generate()?;
        session.cookie_hash = Some(cookie.hash().into());
        Ok((Entry { cookie, session: session.clone() }, None))
    }
}
