//! How the pages that are one form are shown and answered.

use std::sync::Arc;

use http::Method;

use super::forms::Form;
use super::place::Place;
use super::refused::refused;
use super::reset;
use super::view::FormView;
use crate::error::{ErrorCode, Result};
use crate::http::{Access, Call, Endpoint, FromJson, Json, Page, SameOrigin, Typed, Unread};
use crate::state::App;

/// How what is asked for with a code can fail.
const FAILS: &[ErrorCode] =
    &[ErrorCode::EmailAlreadyExists, ErrorCode::Forbidden, ErrorCode::AuthenticationFailure, ErrorCode::DatabaseError];

/// The page, with nothing in it yet.
pub(super) fn shown(form: &'static Form) -> Endpoint<App> {
    let show =
        move |call: Call<App>, place: Place| async move { FormView::of(form, &place).page(&call.state, &call.context) };
    Endpoint::new(Access::Anyone, Method::GET, form.path, form.about, show).told_by(refused)
}

/// The page once it was sent, which `run` answers as it answers the API.
pub(super) fn posted<T, O, F, Fut>(form: &'static Form, run: F) -> Endpoint<App>
where
    T: FromJson + 'static,
    F: Fn(Call<App>, Json<T>) -> Fut + Copy + Send + Sync + 'static,
    Fut: Future<Output = Result<O>> + Send,
    O: Send,
{
    let send = move |call: Call<App>, sent: Unread<(SameOrigin, Typed)>| submit(form, call, sent, run);
    Endpoint::new(Access::Anyone, Method::POST, form.path, form.about, send).fails_with(FAILS).told_by(refused)
}

async fn submit<T, O, F, Fut>(
    form: &'static Form,
    call: Call<App>,
    sent: Unread<(SameOrigin, Typed)>,
    run: F,
) -> Result<Page>
where
    T: FromJson + 'static,
    F: Fn(Call<App>, Json<T>) -> Fut,
    Fut: Future<Output = Result<O>>,
{
    let (app, context) = (Arc::clone(&call.state), Arc::clone(&call.context));
    let mut view = FormView::of(form, &sent.look::<Place>()?);
    let done = async {
        let (SameOrigin, typed) = sent.read(&context).await?;
        view.keep(&typed);
        reset::tell_asker(&mut view, form, &call, &typed).await?;
        run(call, Json(T::from_json(&typed.to_json()?)?)).await.map(drop)
    };
    let done = done.await;
    view.answer(&app, &context, done)
}
