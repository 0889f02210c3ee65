//! What goes wrong before a form is read, or beside it, is told by a page.

use serde::Serialize;

use super::view::sentence;
use crate::error::{Error, Result};
use crate::http::Page;
use crate::state::App;

pub(super) const TEMPLATE: &str = "refused.html";

/// What went wrong, and where to go on.
#[derive(Serialize)]
pub(super) struct Refused {
    failure: String,
    way: &'static str,
}

impl Refused {
    pub(super) fn new(error: &Error, way: &'static str) -> Self {
        Refused { failure: sentence(&error.detail()), way }
    }
}

/// Leads to the same page again, with what its link brought.
pub(super) fn refused(app: &App, error: &Error) -> Result<Page> {
    app.pages.show(TEMPLATE, &Refused::new(error, ""))
}

/// Leads to the account: there is nothing to show where this was to be done.
pub(super) fn refused_to_act(app: &App, error: &Error) -> Result<Page> {
    app.pages.show(TEMPLATE, &Refused::new(error, "./"))
}
