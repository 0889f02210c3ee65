//! `/account/sign-in`: a sign-in as that of `POST /auth/login`, for which the browser is given a cookie.

use std::sync::Arc;

use http::Method;
use http::header::SET_COOKIE;

use super::account::ACCOUNT;
use super::form::shown;
use super::forms::SIGN_IN;
use super::place::Place;
use super::refused::refused;
use super::view::FormView;
use crate::accounts::sessions::{Device, Kept};
use crate::accounts::sign_in::{self, Entry, Login};
use crate::error::{ErrorCode, Result};
use crate::http::{Access, Call, Endpoint, FromJson, OurOrigin, Shown, Typed, Unread, see_other, with_header};
use crate::state::App;

/// What a sign-in brings: where from, which cookie is replaced, with what, and who.
type Sent = (OurOrigin, (Kept, (Device, Typed)));

pub(super) fn endpoints() -> [Endpoint<App>; 2] {
    let posted = Endpoint::new(Access::Anyone, Method::POST, SIGN_IN.path, SIGN_IN.about, sign_in)
        .limited_by(|app| app.sign_ins.as_ref())
        .fails_with(&[ErrorCode::Forbidden])
        .fails_with(sign_in::FAILS)
        .told_by(refused);
    [shown(&SIGN_IN), posted]
}

async fn sign_in(call: Call<App>, sent: Unread<Sent>) -> Result<Shown> {
    let (app, context) = (Arc::clone(&call.state), Arc::clone(&call.context));
    let mut view = FormView::of(&SIGN_IN, &sent.look::<Place>()?);
    let signed_in = async {
        let (OurOrigin, (Kept(replaced), (device, typed))) = sent.read(&context).await?;
        view.keep(&typed);
        let login = Login::from_json(&typed.to_json()?)?;
        sign_in::sign_in::<Entry>(call, device, login, replaced).await
    };
    match signed_in.await {
        Ok((Entry { cookie, session }, _user)) => {
            Ok(Shown(with_header(see_other(ACCOUNT), SET_COOKIE, cookie.kept_for(&session)?)))
        }
        Err(error) => view.answer(&app, &context, Err(error)),
    }
}
