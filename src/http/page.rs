//! What people are answered who do something on a page: a page, or the way to another one.

use http::StatusCode;

use super::output::{Given, Gives, Output, Page};
use super::response::Response;
use crate::error::Result;

/// A page, or the way to another one (303), so that what was done is not done again where the reader loads the page anew.
pub struct Shown(pub Response);

impl From<Page> for Shown {
    fn from(Page(page): Page) -> Self {
        Shown(page)
    }
}

impl Output for Shown {
    fn gives() -> Gives {
        let Gives(mut gives) = Page::gives();
        gives.push(Given {
            status: StatusCode::SEE_OTHER,
            about: "The way to another page.",
            media_types: &[],
            schema: None,
            has_location: true,
            has_version: false,
        });
        Gives(gives)
    }

    fn into_response(self) -> Result<Response> {
        Ok(self.0)
    }
}
