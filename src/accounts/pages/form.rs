//! How the pages that are one form are shown and answered.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use http::Method;

use super::done;
use super::field::CODE;
use super::forms::Form;
use super::place::Place;
use super::refused::refused;
use super::reset;
use super::view::FormView;
use crate::accounts::codes;
use crate::error::{ErrorCode, Result};
use crate::http::{Access, Call, Context, Endpoint, FromJson, Json, Page, SameOrigin, Shown, Typed, Unread};
use crate::state::App;

/// How what is asked for with a code can fail.
const FAILS: &[ErrorCode] =
    &[ErrorCode::EmailAlreadyExists, ErrorCode::Forbidden, ErrorCode::AuthenticationFailure, ErrorCode::DatabaseError];

/// Finds whether a form whose code is good for nothing has worked before.
pub(super) type HasWorked<T> = for<'a> fn(&'a App, &'a Context, &'a T) -> BoxFuture<'a, Result<bool>>;

/// A [`HasWorked`] of what is no function pointer.
macro_rules! repeated {
    ($has_worked:path) => {
        Some(|app, context, sent| futures_util::FutureExt::boxed($has_worked(app, context, sent)))
    };
}

pub(super) use repeated;

/// The page, with nothing in it yet.
pub(super) fn shown(form: &'static Form) -> Endpoint<App> {
    let show_form = move |call: Call<App>, place: Place| async move { show(&call, FormView::of(form, &place), &place) };
    Endpoint::new(Access::Anyone, Method::GET, form.path, form.about, show_form).told_by(refused)
}

/// The page, which says of a form that has worked with which address.
pub(super) fn show(call: &Call<App>, view: FormView, place: &Place) -> Result<Page> {
    let address = place.done.as_deref().and_then(|sealed| done::address(&call.state, sealed));
    let view = match address {
        Some(address) => view.by(&address),
        None => view,
    };
    view.page(&call.state, &call.context)
}

/// The page once it was sent, which `run` answers as it answers the API. One that is sent twice is answered twice that it worked.
pub(super) fn posted<T, O, F, Fut>(form: &'static Form, run: F, has_worked: Option<HasWorked<T>>) -> Endpoint<App>
where
    T: FromJson + Clone + Sync + 'static,
    F: Fn(Call<App>, Json<T>) -> Fut + Copy + Send + Sync + 'static,
    Fut: Future<Output = Result<O>> + Send,
    O: Send,
{
    let send = move |call: Call<App>, sent: Unread<(SameOrigin, Typed)>| submit(form, call, sent, run, has_worked);
    Endpoint::new(Access::Anyone, Method::POST, form.path, form.about, send).fails_with(FAILS).told_by(refused)
}

async fn submit<T, O, F, Fut>(
    form: &'static Form,
    call: Call<App>,
    sent: Unread<(SameOrigin, Typed)>,
    run: F,
    has_worked: Option<HasWorked<T>>,
) -> Result<Shown>
where
    T: FromJson + Clone + Sync,
    F: Fn(Call<App>, Json<T>) -> Fut,
    Fut: Future<Output = Result<O>>,
{
    let (app, context) = (Arc::clone(&call.state), Arc::clone(&call.context));
    let (mut view, mut code) = (FormView::of(form, &sent.look::<Place>()?), String::new());
    let done = async {
        let (SameOrigin, typed) = sent.read(&context).await?;
        view.keep(&typed);
        typed.text(CODE.name).clone_into(&mut code);
        let sent = T::from_json(&typed.to_json()?)?;
        let ended = run(call, Json(sent.clone())).await.map(drop);
        match has_worked.filter(|_| ended.as_ref().is_err_and(codes::is_refused)) {
            Some(has_worked) if has_worked(&app, &context, &sent).await? => Ok(()),
            _ => ended,
        }
    };
    let done = done.await;
    if done.is_err() {
        reset::tell_asker(&mut view, form, &app, &context, &code).await;
    }
    view.answer(&app, &context, done)
}
