//! What a form that has worked is answered: the way to its page, which says so. Neither loading that anew nor going back sends the
//! form once more. The address that was typed is sealed on the way: it stands in no log and in no history.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderValue;
use http::header::LOCATION;

use super::forms::Form;
use crate::clock;
use crate::error::{Error, Result};
use crate::http::{Response, see_other, with_header};
use crate::sealing;
use crate::state::App;

/// What it is sealed for.
const PURPOSE: &str = "the address of a form that has worked";
/// For how long the page shows it.
const SHOWN_SECONDS: i64 = 600;

/// The way to the page of a form that has worked, which shows this address.
pub(super) fn way(app: &App, form: &Form, address: &str) -> Result<Response> {
    let Some(done) = form.done.filter(|_| !address.is_empty()) else {
        return Ok(see_other(form.done.unwrap_or(form.path)));
    };
    let plain = [&seconds().to_be_bytes(), address.as_bytes()].concat();
    let sealed = sealing::seal(&app.login_key, PURPOSE, &plain).map_err(Error::Authentication)?;
    let place = format!("{done}={}", URL_SAFE_NO_PAD.encode(sealed));
    let place = HeaderValue::try_from(place).map_err(|error| Error::Internal(error.to_string()))?;
    Ok(with_header(see_other(done), LOCATION, place))
}

/// The address that the way brought; nothing where it brought none of ours, or some time ago.
pub(super) fn address(app: &App, sealed: &str) -> Option<String> {
    let sealed = URL_SAFE_NO_PAD.decode(sealed).ok()?;
    let plain = sealing::open(&app.login_key, PURPOSE, &sealed).ok()?;
    let (sent, address) = plain.split_first_chunk()?;
    let age = seconds() - i64::from_be_bytes(*sent);
    let address = String::from_utf8(address.to_vec()).ok()?;
    (age.abs() < SHOWN_SECONDS).then_some(address)
}

fn seconds() -> i64 {
    clock::now().unix_timestamp()
}
