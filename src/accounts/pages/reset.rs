//! `/account/reset-password`: who follows the link of an email is told at once where its code is good for nothing, and not after
//! another password was thought of. Where it is good, programs that keep passwords learn whose it is: whoever has the code reads the
//! emails of that address.

use http::Method;

use super::fault::{FaultView, LINK_INVALID};
use super::forms::RESET;
use super::place::Place;
use super::refused::refused;
use super::view::FormView;
use crate::accounts::codes::Code;
use crate::accounts::password_reset;
use crate::error::{ErrorCode, Result};
use crate::http::{Access, Call, Endpoint, Page};
use crate::state::App;

/// The page, with nothing typed yet.
pub(super) fn shown() -> Endpoint<App> {
    let endpoint = Endpoint::new(Access::Anyone, Method::GET, RESET.path, RESET.about, show);
    endpoint.fails_with(&[ErrorCode::DatabaseError]).told_by(refused)
}

async fn show(call: Call<App>, place: Place) -> Result<Page> {
    let form = FormView::of(&RESET, &place);
    let form = match &place.code {
        Some(code) => of_code(form, &call, code).await?,
        None => form,
    };
    form.page(&call.state, &call.context)
}

async fn of_code(mut form: FormView, call: &Call<App>, code: &str) -> Result<FormView> {
    let asker = match Code::parse(code) {
        Ok(code) => password_reset::asker(call, &code).await?,
        Err(_) => None,
    };
    match asker {
        Some(user) => Ok(form.of_user(user.email.expose())),
        None => {
            form.fail_with(FaultView::new(LINK_INVALID, "The code is wrong, was used before, or is too old."));
            Ok(form)
        }
    }
}
