//! What people do with what is stored of them: another address, another name, all of it to take along, and the end of it.

use std::sync::Arc;

use http::header::{CONTENT_DISPOSITION, SET_COOKIE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, StatusCode};

use super::fault::{ADMIN, FaultView};
use super::forms::{CHANGE_ADDRESS, CHANGE_NAME, DELETE, DOWNLOAD};
use super::news::News;
use super::own_form::{posted, refuse, shown, view};
use super::visitor::{Visitor, done, seen};
use crate::accounts::erasure::{self, Confirmation};
use crate::accounts::sessions::SessionCookie;
use crate::accounts::users::Role;
use crate::accounts::{change, email_change, export, users};
use crate::error::{Error, ErrorCode, Result};
use crate::http::{Endpoint, FromJson, Json, Page, Response, Typed, json, see_other, with_error, with_header};
use crate::state::App;

/// How an erasure of oneself can fail.
const DELETE_FAILS: &[ErrorCode] =
    &[ErrorCode::LastAdmin, ErrorCode::InvalidCredentials, ErrorCode::PasswordLocked, ErrorCode::AuthenticationFailure];

pub(super) fn endpoints() -> Vec<Endpoint<App>> {
    vec![
        shown(&CHANGE_ADDRESS),
        posted(&CHANGE_ADDRESS, email_change::send, || Ok(see_other(News::Address.way())))
            .limited_by(|app| app.code_emails.as_ref())
            .fails_with(email_change::SEND_FAILS),
        shown(&CHANGE_NAME),
        posted(&CHANGE_NAME, change::rename, || Ok(see_other(News::Name.way()))),
        shown(&DOWNLOAD),
        done(DOWNLOAD.path, DOWNLOAD.about, download),
        seen(DELETE.path, DELETE.about, show_deletion),
        done(DELETE.path, DELETE.about, delete).fails_with(DELETE_FAILS),
    ]
}

/// It is noted in the audit trail, so no page that is merely opened does it.
async fn download(visitor: Visitor, _typed: Typed) -> Result<Response> {
    let Json(export) = export::of_oneself(visitor.call).await?;
    let file = json(StatusCode::OK, &export)?;
    let name = HeaderValue::from_static("attachment; filename=\"account-data.json\"");
    let file = with_header(file, CONTENT_DISPOSITION, name);
    Ok(with_header(file, X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")))
}

/// An admin is told before the password is typed.
async fn show_deletion(visitor: Visitor) -> Result<Response> {
    let mut form = view(&DELETE, &visitor);
    if visitor.user.role == Role::Admin {
        form.fail_with(admin_stays());
    }
    form.page(&visitor.call.state, &visitor.call.context).map(|Page(page)| page)
}

async fn delete(visitor: Visitor, typed: Typed) -> Result<Response> {
    let (app, context, id) = (Arc::clone(&visitor.call.state), Arc::clone(&visitor.call.context), visitor.user.id);
    let mut form = view(&DELETE, &visitor);
    let erased = async {
        let confirmation = Confirmation::from_json(&typed.to_json()?)?;
        erasure::erase_oneself(visitor.call, Json(confirmation)).await
    };
    match erased.await {
        Ok(_) => say_farewell(),
        // The same form, sent a moment before.
        Err(Error::AccessTokenInvalid(_) | Error::NotFound) if users::find(&app.db, id).await?.is_none() => {
            say_farewell()
        }
        // Not that another site sent the form: that was asked before.
        Err(error @ Error::Forbidden(_)) => {
            form.fail_with(admin_stays());
            form.page(&app, &context).map(|Page(page)| with_error(page, error))
        }
        Err(error) => refuse(form, &app, &context, error),
    }
}

/// That an admin deletes no admin's account like this.
fn admin_stays() -> FaultView {
    FaultView::new(ADMIN, "Another admin takes your role away first.")
}

fn say_farewell() -> Result<Response> {
    Ok(with_header(see_other(News::Deleted.way()), SET_COOKIE, SessionCookie::taken_away()?))
}
