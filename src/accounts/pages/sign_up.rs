//! `/account/sign-up`: a registration as that of `POST /users/`.

use std::sync::Arc;

use http::Method;

use super::form::shown;
use super::forms::SIGN_UP;
use super::place::Place;
use super::refused::refused;
use super::view::FormView;
use crate::accounts::registration::{self, IdempotencyKey, Registration};
use crate::error::{ErrorCode, Result};
use crate::http::{Access, Call, Endpoint, OurOrigin, Page, Typed, Unread};
use crate::state::App;

pub(super) fn endpoints() -> [Endpoint<App>; 2] {
    let posted = Endpoint::new(Access::Anyone, Method::POST, SIGN_UP.path, SIGN_UP.about, sign_up)
        .limited_by(|app| app.registrations.as_ref())
        .fails_with(&[ErrorCode::Forbidden])
        .fails_with(registration::FAILS)
        .told_by(refused);
    [shown(&SIGN_UP), posted]
}

async fn sign_up(call: Call<App>, sent: Unread<(OurOrigin, Typed)>) -> Result<Page> {
    let Call { state: app, context, .. } = call;
    let mut view = FormView::of(&SIGN_UP, &sent.look::<Place>()?);
    let form = async {
        let (OurOrigin, typed) = sent.read(&context).await?;
        view.keep(&typed);
        let registration = Registration::parse(&typed.to_json()?, &app.password_policy)?;
        let registration = registration.in_best_language(&context.reader.accept_language, &app.languages);
        Ok((IdempotencyKey::default(), registration))
    };
    let registered = registration::register_and_tell(Arc::clone(&app), Arc::clone(&context), form).await;
    view.answer(&app, &context, registered.map(drop))
}
