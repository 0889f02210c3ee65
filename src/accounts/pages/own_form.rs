//! The pages that are one form of who is signed in.

use std::sync::Arc;

use super::field::FULL_NAME;
use super::forms::Form;
use super::news::News;
use super::view::FormView;
use super::visitor::{Visitor, done, seen};
use crate::error::{Error, Result};
use crate::http::{Call, Context, Endpoint, FromJson, Json, Page, Response, Typed, see_other, with_error};
use crate::state::App;

/// The page, with nothing typed yet.
pub(super) fn shown(form: &'static Form) -> Endpoint<App> {
    let show = move |visitor: Visitor| async move {
        let Page(page) = view(form, &visitor).page(&visitor.call.state, &visitor.call.context)?;
        Ok(page)
    };
    seen(form.path, form.about, show)
}

/// The page once it was sent, which `run` answers as it answers the API. Where all is well, `lead` answers.
pub(super) fn posted<T, O, F, Fut>(form: &'static Form, run: F, lead: fn() -> Result<Response>) -> Endpoint<App>
where
    T: FromJson + 'static,
    F: Fn(Call<App>, Json<T>) -> Fut + Copy + Send + Sync + 'static,
    Fut: Future<Output = Result<O>> + Send,
    O: Send,
{
    let send = move |visitor: Visitor, typed: Typed| async move {
        let (app, context) = (Arc::clone(&visitor.call.state), Arc::clone(&visitor.call.context));
        let mut view = view(form, &visitor);
        view.keep(&typed);
        let ran = async { run(visitor.call, Json(T::from_json(&typed.to_json()?)?)).await };
        match ran.await {
            Ok(_) => lead(),
            Err(error) => refuse(view, &app, &context, error),
        }
    };
    done(form.path, form.about, send)
}

/// The form, with whose it is and what is so far.
pub(super) fn view(form: &'static Form, visitor: &Visitor) -> FormView {
    let Visitor { user, place, .. } = visitor;
    FormView::of(form, place).of_user(user.email.expose()).with(FULL_NAME.name, user.full_name.expose())
}

/// Says what is wrong with the form.
pub(super) fn refuse(mut view: FormView, app: &App, context: &Context, error: Error) -> Result<Response> {
    // The session has ended meanwhile, or the user is not there any more.
    if let Error::AccessTokenInvalid(_) | Error::NotFound = error {
        return Ok(see_other(News::SessionEnded.way()));
    }
    view.fail(&error);
    let Page(page) = view.page(app, context)?;
    Ok(with_error(page, error))
}
