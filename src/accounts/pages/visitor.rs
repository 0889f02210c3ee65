//! Who is signed in on the pages. Every endpoint for [`Access::SignedIn`] is made here, so that none forgets to ask.

use http::header::SET_COOKIE;
use http::{HeaderValue, Method};

use super::forms::{self, SIGN_IN};
use super::news::News;
use super::place::Place;
use super::refused::{refused, refused_to_act};
use crate::accounts::sessions::{self, Device, Kept, Session, SessionCookie};
use crate::accounts::users::User;
use crate::error::{ErrorCode, Result};
use crate::http::{
    Access, Call, Endpoint, OurOrigin, Principal, Response, Shown, Typed, Unread, see_other, with_header,
};
use crate::state::App;

/// Who is signed in.
pub(super) struct Visitor {
    /// The request, as one of this user's.
    pub(super) call: Call<App>,
    pub(super) user: User,
    pub(super) session: Session,
    pub(super) place: Place,
    /// The cookie, where it is to be kept for longer.
    pub(super) cookie: Option<HeaderValue>,
}

/// What ends the session of a browser.
pub(super) const SIGN_OUT: &str = "/account/sign-out";

/// A page for who is signed in.
pub(super) fn seen<F, Fut>(path: &'static str, about: &'static str, show: F) -> Endpoint<App>
where
    F: Fn(Visitor) -> Fut + Copy + Send + Sync + 'static,
    Fut: Future<Output = Result<Response>> + Send,
{
    let show = move |call: Call<App>, (kept, (device, place)): (Kept, (Device, Place))| async move {
        enter(call, kept, [SIGN_IN.path, News::SessionEnded.way()], device, place, show).await
    };
    Endpoint::new(Access::SignedIn, Method::GET, path, about, show).told_by(refused)
}

/// What who is signed in does with a form of our pages, of no other.
pub(super) fn done<F, Fut>(path: &'static str, about: &'static str, act: F) -> Endpoint<App>
where
    F: Fn(Visitor, Typed) -> Fut + Copy + Send + Sync + 'static,
    Fut: Future<Output = Result<Response>> + Send,
{
    // Whoever presses that twice has signed out.
    let ended = if path == SIGN_OUT { News::SignedOut.way() } else { News::SessionEnded.way() };
    type Sent = Unread<(OurOrigin, (Kept, (Device, Typed)))>;
    let act = move |call: Call<App>, sent: Sent| async move {
        let place = sent.look::<Place>()?;
        let (OurOrigin, (kept, (device, typed))) = sent.read(&call.context).await?;
        enter(call, kept, [ended; 2], device, place, |visitor| act(visitor, typed)).await
    };
    let told = if forms::ALL.iter().any(|form| form.path == path) { refused } else { refused_to_act };
    let endpoint = Endpoint::new(Access::SignedIn, Method::POST, path, about, act).told_by(told);
    endpoint.fails_with(&[ErrorCode::Forbidden, ErrorCode::DatabaseError])
}

/// Who brings no cookie goes the first way, whose cookie is none any more the second.
async fn enter<Fut>(
    call: Call<App>,
    kept: Kept,
    [without_cookie, ended]: [&'static str; 2],
    device: Device,
    place: Place,
    go_on: impl FnOnce(Visitor) -> Fut,
) -> Result<Shown>
where
    Fut: Future<Output = Result<Response>>,
{
    let had_cookie = kept.0.is_some();
    match visitor(call, kept, device, place).await? {
        Some(mut visitor) => {
            let cookie = visitor.cookie.take();
            let answer = go_on(visitor).await?;
            Ok(Shown(match cookie.filter(|_| !answer.headers().contains_key(SET_COOKIE)) {
                Some(cookie) => with_header(answer, SET_COOKIE, cookie),
                None => answer,
            }))
        }
        None if had_cookie => Ok(Shown(with_header(see_other(ended), SET_COOKIE, SessionCookie::taken_away()?))),
        None => Ok(Shown(see_other(without_cookie))),
    }
}

async fn visitor(call: Call<App>, Kept(cookie): Kept, device: Device, place: Place) -> Result<Option<Visitor>> {
    let Some(cookie) = cookie else { return Ok(None) };
    let (app, context) = (&call.state, &call.context);
    let turn = app.db.turn(context.client).await?;
    let Some((session, user)) = cookie.find(&app.db).await? else { return Ok(None) };
    context.set_caller(user.id);
    let used = sessions::keep_up(&app.db, &session, context, device, &app.config.sign_in).await?;
    drop(turn);
    let renewed = used.as_ref().map(|session| cookie.kept_for(session)).transpose()?;
    let session = used.unwrap_or(session);
    let call = Call { principal: Principal::User(session.caller()), ..call };
    Ok(Some(Visitor { call, user, session, place, cookie: renewed }))
}
