//! Codes that emails carry: each is for one purpose and of one address, is used once, and for some time only. The database knows
//! its hash.
//!
//! Whoever asks for one is answered the same, whether or not there is such a user: the request puts an email into the outbox, and
//! only its delivery looks whom it is for. There, too, a code begins to be good for something, so that a mail server that was down
//! costs nobody the time to use it.

mod code;
mod emails;
mod issuer;
mod spent;
mod table;

pub use self::code::Code;
pub use self::emails::prune as prune_emails;
pub use self::issuer::{Issuer, Order, Ready, lifetime};
pub use self::spent::user_of_spent;
pub use self::table::{
    Bound, CodeRow, addresses_of, find, first_undo_to, issue, prune, spend, spend_all_of, spend_later_undos,
};
use serde_json::json;

use crate::error::{Error, FieldError};
use crate::http::Context;
use crate::telemetry::logging::{LoggerName, context, info};
use crate::telemetry::metrics::{self, CodeEvent, CodePurpose};
use crate::values::{Fault, FaultCode};

/// What is shown where nobody asked for a code: as long as a real one, and good for nothing.
pub const SAMPLE: &str = "a-code-that-is-only-shown-and-opens-nothing";
/// The field of a code.
const FIELD: &str = "code";

/// That a code is good for nothing, or not any more.
pub fn refused(purpose: CodePurpose, request: &Context) -> Error {
    metrics::email_code(purpose, CodeEvent::Refused);
    let details = context(json!({ "purpose": purpose.as_str(), "client_ip": request.client_ip }));
    info!(request.logger(LoggerName::UserService), "Code refused"; "context" => details);
    let fault = Fault::new(FaultCode::Invalid, "is wrong, was used before, or is too old: ask for another one");
    Error::Validation(vec![fault.of(FIELD)])
}

/// Whether it is that a code is good for nothing, or not any more.
pub fn is_refused(error: &Error) -> bool {
    let is_of_code = |fault: &FieldError| fault.field == FIELD && fault.code == FaultCode::Invalid.as_str();
    matches!(error, Error::Validation(faults) if faults.iter().any(is_of_code))
}
