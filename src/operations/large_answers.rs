//! Answers that cost much: those that gather all metrics, show all errors, or search all documents. There are so many at once, and nobody waits.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::fairness::{Place, Places};
use crate::http::{Asker, Context};
use crate::state::App;

/// At once in all: two collectors, a person and a script.
const IN_ALL: usize = 4;
/// At once for one client, so that others always find some. One that is not read gives way.
const PER_CLIENT: usize = 2;

/// The places of all such answers.
pub fn places() -> Arc<Places<Asker>> {
    Places::new(IN_ALL, PER_CLIENT)
}

/// A place for the answer to a request, to be held until the client has all of it.
///
/// # Errors
/// [`Error::Overloaded`] where there are enough, in all or for this client, and none waits for its client to read it.
pub(super) fn take_place(app: &App, context: &Context) -> Result<Place<Asker>> {
    let full = |_| Error::Overloaded { what: "too many large answers are under way", retry_after: 1 };
    app.large_answers.take(context.client, context.asker()).map_err(full)
}
