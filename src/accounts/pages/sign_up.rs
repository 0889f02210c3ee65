//! `/account/sign-up`: a registration as that of `POST /users/`.

use std::sync::Arc;

use http::Method;

use super::form::show;
use super::forms::SIGN_UP;
use super::place::Place;
use super::refused::refused;
use super::view::FormView;
use crate::accounts::opaque_token::OpaqueToken;
use crate::accounts::registration::{self, IdempotencyKey, Registration};
use crate::error::{ErrorCode, Result};
use crate::http::{Access, Call, Endpoint, OurOrigin, Page, Shown, Typed, Unread};
use crate::state::App;

/// What the form brings so that sending it twice registers once.
const KEY: &str = "key";

pub(super) fn endpoints() -> [Endpoint<App>; 2] {
    let shown = Endpoint::new(Access::Anyone, Method::GET, SIGN_UP.path, SIGN_UP.about, show_sign_up).told_by(refused);
    let posted = Endpoint::new(Access::Anyone, Method::POST, SIGN_UP.path, SIGN_UP.about, sign_up)
        .limited_by(|app| app.registrations.as_ref())
        .fails_with(&[ErrorCode::Forbidden])
        .fails_with(registration::FAILS)
        .told_by(refused);
    [shown, posted]
}

async fn show_sign_up(call: Call<App>, place: Place) -> Result<Page> {
    let mut view = FormView::of(&SIGN_UP, &place);
    view.set_key(OpaqueToken::generate()?.expose());
    show(&call, view, &place)
}

async fn sign_up(call: Call<App>, sent: Unread<(OurOrigin, Typed)>) -> Result<Shown> {
    let Call { state: app, context, .. } = call;
    let mut view = FormView::of(&SIGN_UP, &sent.look::<Place>()?);
    let form = async {
        let (OurOrigin, mut typed) = sent.read(&context).await?;
        let key = typed.take(KEY);
        view.keep(&typed);
        view.set_key(&key);
        let registration = Registration::parse(&typed.to_json()?, &app.password_policy)?;
        let registration = registration.in_best_language(&context.reader.accept_language, &app.languages);
        Ok((IdempotencyKey::of_form(&key), registration))
    };
    let registered = registration::register_and_tell(Arc::clone(&app), Arc::clone(&context), form).await;
    view.answer(&app, &context, registered.map(drop))
}
