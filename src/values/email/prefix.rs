//! How an address begins.

use std::fmt;

use super::{MAX_OCTETS, key_of, too_long};
use crate::text::{is_control, visible_pattern};
use crate::values::fields::text_field;
use crate::values::{Fault, FaultCode};

/// Behind every character that an address has.
const LAST: char = char::MAX;

/// The first characters of an address, without regard to case. Printing does not show them.
#[derive(Clone, PartialEq, Eq)]
pub struct AddressPrefix(String);

impl AddressPrefix {
    /// Reads how an address begins.
    ///
    /// # Errors
    /// A [`Fault`] that says what is wrong.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let text = text.trim();
        if text.is_empty() {
            return Err(Fault::new(FaultCode::TooShort, "must not be empty"));
        }
        if text.len() > MAX_OCTETS {
            return Err(too_long());
        }
        if text.contains(is_control) {
            return Err(Fault::new(FaultCode::ControlCharacters, "must not have control characters"));
        }
        Ok(AddressPrefix(key_of(text)))
    }

    /// The least key that begins so.
    pub fn first(&self) -> &str {
        &self.0
    }

    /// What is greater than every key that begins so, and no greater than any other greater key.
    pub fn end(&self) -> String {
        format!("{}{LAST}", self.0)
    }
}

text_field!(AddressPrefix, "AddressPrefix", { "type": "string", "maxLength": MAX_OCTETS, "pattern": visible_pattern() });

impl fmt::Debug for AddressPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AddressPrefix(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::Email;

    #[test]
    fn it_is_before_the_addresses_that_begin_so_and_no_others() {
        let prefix = AddressPrefix::parse(" JOSE\u{301}").unwrap();
        let is_of = |address: &str| {
            let email = Email::parse(address).unwrap();
            (prefix.first()..prefix.end().as_str()).contains(&email.key())
        };
        assert!(is_of("José@example.com") && is_of("joséphine@example.com") && is_of("josé😀@example.com"));
        assert!(!is_of("jose@example.com") && !is_of("jos@example.com") && !is_of("josê@example.com"));
        for wrong in ["", "  ", "a\0b", &"a".repeat(255)] {
            assert!(AddressPrefix::parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
