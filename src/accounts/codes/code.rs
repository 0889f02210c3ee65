//! The secret itself.

use crate::accounts::opaque_token::OpaqueToken;
use crate::values::text_field;

/// A code. Printing does not show it.
pub type Code = OpaqueToken;

text_field!(OpaqueToken, "Code", { "type": "string", "minLength": 1, "maxLength": 128 });
