//! `/account/`: who is signed in, and where; what ends that; the ways to what can be changed; another password.

use std::cmp::Reverse;
use std::future::ready;
use std::sync::Arc;

use http::header::SET_COOKIE;
use serde::Serialize;
use time::OffsetDateTime;
use uuid::Uuid;

use super::device::DeviceView;
use super::field::NEW_PASSWORD;
use super::forms::CHANGE_PASSWORD;
use super::moment::Moment;
use super::news::News;
use super::view::FormView;
use super::visitor::{SIGN_OUT, Visitor, done, seen};
use crate::accounts::id::PathId;
use crate::accounts::password_change;
use crate::accounts::sessions::{self, Session, SessionCookie};
use crate::accounts::sign_in;
use crate::accounts::users::{self, User};
use crate::error::{Error, Result};
use crate::http::{Context, Endpoint, Page, Path, Response, Shown, Typed, see_other, with_header};
use crate::state::App;
use crate::values::{Password, Personal};

pub(super) const TEMPLATE: &str = "account.html";
/// The page itself.
pub(super) const ACCOUNT: &str = "/account/";

pub(super) fn endpoints() -> Vec<Endpoint<App>> {
    let change = done(CHANGE_PASSWORD.path, CHANGE_PASSWORD.about, change_password);
    vec![
        seen(ACCOUNT, "Who is signed in, and where.", show),
        seen(CHANGE_PASSWORD.path, CHANGE_PASSWORD.about, show_change),
        change.fails_with(password_change::FAILS),
        done(SIGN_OUT, "Ends the session of this browser.", sign_out),
        done("/account/end-session", "Ends another session of the user's.", end_session),
    ]
}

/// What the page shows.
#[derive(Serialize)]
pub(super) struct AccountView {
    beside: &'static str,
    /// What was done before.
    news: Option<&'static str>,
    full_name: String,
    email: String,
    is_verified: bool,
    sessions: Vec<SessionView>,
}

#[derive(Serialize)]
struct SessionView {
    id: Uuid,
    created_at: Moment,
    last_used_at: Moment,
    address: Option<String>,
    device: DeviceView,
    is_current: bool,
}

impl AccountView {
    /// The session of this browser comes first, then those that were used last.
    pub(super) fn new(beside: &'static str, user: User, mut sessions: Vec<Session>, current: Uuid) -> Self {
        sessions.sort_by_key(|session| (session.id != current, Reverse(session.last_used_at)));
        let now = OffsetDateTime::now_utc();
        let shown = |session: Session| SessionView {
            id: session.id,
            created_at: Moment::new(session.created_at, now),
            last_used_at: Moment::new(session.last_used_at, now),
            address: session.client_ip.map(Personal::into_exposed),
            device: DeviceView::new(session.user_agent.map(Personal::into_exposed).unwrap_or_default()),
            is_current: session.id == current,
        };
        AccountView {
            beside,
            news: None,
            full_name: user.full_name.into_exposed(),
            email: user.email.into_exposed(),
            is_verified: user.email_verified_at.is_some(),
            sessions: sessions.into_iter().map(shown).collect(),
        }
    }

    /// What the page shows once this was done.
    pub(super) fn after(self, news: Option<News>) -> Self {
        AccountView { news: news.map(News::name), ..self }
    }
}

async fn show(visitor: Visitor) -> Result<Response> {
    let Visitor { call, user, session, place, .. } = visitor;
    let sessions = {
        let _turn = call.state.db.turn(call.context.client).await?;
        sessions::of_user(&call.state.db, user.id).await?
    };
    let view = AccountView::new(place.beside, user, sessions, session.id).after(place.news);
    call.state.pages.show(&call.context.reader.accept_language, TEMPLATE, &view).map(|Page(page)| page)
}

async fn show_change(Visitor { call, user, place, .. }: Visitor) -> Result<Response> {
    let form = FormView::of(&CHANGE_PASSWORD, &place).of_user(user.email.expose());
    form.page(&call.state, &call.context).map(|Page(page)| page)
}

/// Another password brings another cookie: whoever has a copy of the one before is signed out with all others.
async fn change_password(Visitor { call, user, session, place, .. }: Visitor, typed: Typed) -> Result<Response> {
    let (app, context) = (Arc::clone(&call.state), Arc::clone(&call.context));
    let form = FormView::of(&CHANGE_PASSWORD, &place).of_user(user.email.expose());
    let mut changed = password_change::change_password(call, ready(typed.to_json())).await.map(drop);
    if changed.is_err() && is_changed(&app, &context, &user, typed.text(NEW_PASSWORD.name)).await? {
        changed = Ok(());
    }
    match changed {
        Ok(()) => {
            let cookie = sessions::replace_cookie(&app.db, &session).await?.kept_for(&session)?;
            let Shown(way) = form.answer(&app, &context, Ok(()))?;
            Ok(with_header(way, SET_COOKIE, cookie))
        }
        // The session has ended meanwhile.
        Err(Error::AccessTokenInvalid(_)) => Ok(see_other(News::SessionEnded.way())),
        Err(error) => form.answer(&app, &context, Err(error)).map(|Shown(page)| page),
    }
}

/// Whether the same form, sent a moment before, has given the user this password meanwhile.
async fn is_changed(app: &App, context: &Context, before: &User, password: &str) -> Result<bool> {
    let now = users::find(&app.db, before.id).await?;
    let Some(now) = now.filter(|now| now.password_hash.expose() != before.password_hash.expose()) else {
        return Ok(false);
    };
    let Ok(password) = Password::parse(password) else { return Ok(false) };
    Ok(sign_in::confirm(app, context, &now, &password).await.is_ok())
}

async fn sign_out(visitor: Visitor, _typed: Typed) -> Result<Response> {
    sessions::logout(visitor.call, ()).await?;
    Ok(with_header(see_other(News::SignedOut.way()), SET_COOKIE, SessionCookie::taken_away()?))
}

async fn end_session(visitor: Visitor, typed: Typed) -> Result<Response> {
    let ended = match Uuid::parse_str(typed.text("id")) {
        Ok(id) => sessions::end(visitor.call, Path(PathId(id))).await,
        Err(_) => Err(Error::NotFound),
    };
    match ended {
        // One that has ended meanwhile is not there any more either.
        Ok(_) | Err(Error::NotFound) => Ok(see_other(ACCOUNT)),
        Err(error) => Err(error),
    }
}
