//! Words with a colour, which is never all that says it.

use serde::Serialize;

/// A word, and how it is shown: `good`, `warn`, `bad` or `soft`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Word {
    pub(super) text: &'static str,
    pub(super) class: &'static str,
}

impl Word {
    pub(super) const fn good(text: &'static str) -> Self {
        Word { text, class: "good" }
    }

    pub(super) const fn warn(text: &'static str) -> Self {
        Word { text, class: "warn" }
    }

    pub(super) const fn bad(text: &'static str) -> Self {
        Word { text, class: "bad" }
    }

    pub(super) const fn soft(text: &'static str) -> Self {
        Word { text, class: "soft" }
    }
}
