//! `/account/reset-password`: who follows the link of an email is told at once where its code is good for nothing, and not after
//! another password was thought of. Where it is good, programs that keep passwords learn whose it is: whoever has the code reads the
//! emails of that address.

use http::Method;

use super::fault::FaultView;
use super::forms::{Form, RESET};
use super::place::Place;
use super::refused::refused;
use super::view::FormView;
use crate::accounts::codes::Code;
use crate::accounts::password_reset;
use crate::accounts::users::User;
use crate::error::{ErrorCode, Result};
use crate::http::{Access, Call, Context, Endpoint, Page};
use crate::state::App;

/// The page, with nothing typed yet.
pub(super) fn shown() -> Endpoint<App> {
    let endpoint = Endpoint::new(Access::Anyone, Method::GET, RESET.path, RESET.about, show);
    endpoint.fails_with(&[ErrorCode::DatabaseError]).told_by(refused)
}

/// Says on the page that tells of a mistake in a form whose password it is, where that form is for one. The mistake is told also
/// where that cannot be found.
pub(super) async fn tell_asker(view: &mut FormView, form: &Form, app: &App, context: &Context, code: &str) {
    if form.path == RESET.path
        && let Ok(Some(user)) = asker(app, context, code).await
    {
        view.tell_user(user.email.expose());
    }
}

async fn show(call: Call<App>, place: Place) -> Result<Page> {
    let mut form = FormView::of(&RESET, &place);
    if let Some(code) = &place.code {
        call.context.enter_step("find_code");
        match asker(&call.state, &call.context, code).await? {
            Some(user) => form.tell_user(user.email.expose()),
            None => form.fail_with(FaultView::link_invalid()),
        }
    }
    form.page(&call.state, &call.context)
}

async fn asker(app: &App, context: &Context, code: &str) -> Result<Option<User>> {
    match Code::parse(code) {
        Ok(code) => password_reset::asker(app, context, &code).await,
        Err(_) => Ok(None),
    }
}
