//! `/account/reset-password`: who follows the link of an email is told at once where its code is good for nothing, and not after
//! another password was thought of. Where it is good, programs that keep passwords learn whose it is: whoever has the code reads the
//! emails of that address.

use http::Method;

use super::fault::{FaultView, LINK_INVALID};
use super::field::CODE;
use super::forms::{Form, RESET};
use super::place::Place;
use super::refused::refused;
use super::view::FormView;
use crate::accounts::codes::Code;
use crate::accounts::password_reset;
use crate::accounts::users::User;
use crate::error::{ErrorCode, Result};
use crate::http::{Access, Call, Endpoint, Page, Typed};
use crate::state::App;

/// The page, with nothing typed yet.
pub(super) fn shown() -> Endpoint<App> {
    let endpoint = Endpoint::new(Access::Anyone, Method::GET, RESET.path, RESET.about, show);
    endpoint.fails_with(&[ErrorCode::DatabaseError]).told_by(refused)
}

/// Says whose password it is once the form was sent, for the page that tells of a mistake in it.
pub(super) async fn tell_asker(view: &mut FormView, form: &Form, call: &Call<App>, typed: &Typed) -> Result<()> {
    if form.path == RESET.path
        && let Some(user) = asker(call, typed.text(CODE.name)).await?
    {
        view.tell_user(user.email.expose());
    }
    Ok(())
}

async fn show(call: Call<App>, place: Place) -> Result<Page> {
    let mut form = FormView::of(&RESET, &place);
    if let Some(code) = &place.code {
        match asker(&call, code).await? {
            Some(user) => form.tell_user(user.email.expose()),
            None => form.fail_with(FaultView::new(LINK_INVALID, "The code is wrong, was used before, or is too old.")),
        }
    }
    form.page(&call.state, &call.context)
}

async fn asker(call: &Call<App>, code: &str) -> Result<Option<User>> {
    match Code::parse(code) {
        Ok(code) => password_reset::asker(call, &code).await,
        Err(_) => Ok(None),
    }
}
