//! What goes wrong before a form is read, or beside it, is told by a page.

use serde::Serialize;

use super::fault::FaultView;
use super::place::to_account;
use crate::error::{Error, Result};
use crate::http::{Context, Page};
use crate::state::App;

pub(super) const TEMPLATE: &str = "refused.html";

/// What went wrong, and where to go on.
#[derive(Serialize)]
pub(super) struct Refused {
    failure: FaultView,
    way: String,
}

impl Refused {
    pub(super) fn new(failure: FaultView, way: impl Into<String>) -> Self {
        Refused { failure, way: way.into() }
    }
}

/// Leads to the same page again, with what its link brought; to the account where there is no such page.
pub(super) fn refused(app: &App, context: &Context, error: &Error) -> Result<Page> {
    match error {
        Error::NotFound => refused_to_act(app, context, error),
        _ => show(app, context, error, String::new()),
    }
}

/// Leads to the account: there is nothing to show where this was to be done.
pub(super) fn refused_to_act(app: &App, context: &Context, error: &Error) -> Result<Page> {
    show(app, context, error, to_account(&context.reader.path))
}

fn show(app: &App, context: &Context, error: &Error, way: String) -> Result<Page> {
    app.pages.show(&context.reader.accept_language, TEMPLATE, &Refused::new(FaultView::of_error(error), way))
}
