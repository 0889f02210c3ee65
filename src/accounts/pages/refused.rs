//! What goes wrong before a form is read, or beside it, is told by a page.

use serde::Serialize;

use super::fault::FaultView;
use crate::error::{Error, Result};
use crate::http::{Context, Page};
use crate::state::App;

pub(super) const TEMPLATE: &str = "refused.html";

/// What went wrong, and where to go on.
#[derive(Serialize)]
pub(super) struct Refused {
    failure: FaultView,
    way: &'static str,
}

impl Refused {
    pub(super) fn new(failure: FaultView, way: &'static str) -> Self {
        Refused { failure, way }
    }
}

/// Leads to the same page again, with what its link brought.
pub(super) fn refused(app: &App, context: &Context, error: &Error) -> Result<Page> {
    show(app, context, error, "")
}

/// Leads to the account: there is nothing to show where this was to be done.
pub(super) fn refused_to_act(app: &App, context: &Context, error: &Error) -> Result<Page> {
    show(app, context, error, "./")
}

fn show(app: &App, context: &Context, error: &Error, way: &'static str) -> Result<Page> {
    app.pages.show(&context.accept_language, TEMPLATE, &Refused::new(FaultView::of_error(error), way))
}
