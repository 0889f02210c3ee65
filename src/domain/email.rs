//! An email address.

use std::fmt;

use email_address::{EmailAddress, Options};
use unicode_normalization::UnicodeNormalization;

use super::Fault;

/// RFC 5321, 4.5.3.1.3 (with erratum 1690): a path is at most 256 octets, its angle brackets included.
const MAX_OCTETS: usize = 254;

/// A valid, normalised email address (RFC 5321, RFC 6531).
///
/// The local part is kept as it was typed (in NFC), since only its own server knows whether case matters there; the
/// domain is lower-case ASCII (IDNA). Two addresses that differ only by case are the same user: see [`Email::key`].
/// Printing shows it masked.
#[derive(Clone, PartialEq, Eq)]
pub struct Email {
    address: String,
    key: String,
}

impl Email {
    /// Reads an address.
    ///
    /// # Errors
    /// A [`Fault`] that says what is wrong, without the address.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let text = text.trim();
        if text.is_empty() {
            return Err(Fault::new("too_short", "must not be empty"));
        }
        if text.len() > 4 * MAX_OCTETS {
            return Err(too_long());
        }
        let (local, domain) = text.rsplit_once('@').ok_or_else(not_an_address)?;
        let domain = idna::domain_to_ascii(domain).map_err(|_| not_an_address())?;
        let address = format!("{}@{domain}", local.nfc());
        if address.len() > MAX_OCTETS {
            return Err(too_long());
        }
        let options = Options::default().with_required_tld().without_display_text().without_domain_literal();
        EmailAddress::parse_with_options(&address, options).map_err(|_| not_an_address())?;
        let key = address.to_lowercase().nfc().collect();
        Ok(Email { address, key })
    }

    /// The address itself, for the database, the mail server and the user.
    pub fn expose(&self) -> &str {
        &self.address
    }

    /// What is unique: the address without regard to case.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The address for a log: `j***@example.com`.
    pub fn masked(&self) -> String {
        let (local, domain) = self.address.rsplit_once('@').unwrap_or_default();
        let first: String = local.chars().take(1).collect();
        format!("{first}***@{domain}")
    }
}

fn not_an_address() -> Fault {
    Fault::new("format", "must be an email address such as name@example.com")
}

fn too_long() -> Fault {
    Fault::new("too_long", format!("must have at most {MAX_OCTETS} characters"))
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn code(text: &str) -> &'static str {
        Email::parse(text).map_or_else(|fault| fault.code, |_| "ok")
    }

    #[test]
    fn the_domain_is_lower_case_and_the_local_part_kept() {
        let email = Email::parse("  Jo.Doe@Example.COM ").unwrap();
        assert_eq!(email.expose(), "Jo.Doe@example.com");
        assert_eq!(email.key(), "jo.doe@example.com");
        assert_eq!(format!("{email:?}"), "J***@example.com");
    }

    #[test]
    fn an_international_domain_has_one_form() {
        assert_eq!(Email::parse("a@BÜCHER.example").unwrap(), Email::parse("a@xn--bcher-kva.example").unwrap());
    }

    #[test]
    fn decomposed_letters_are_the_same_user() {
        assert_eq!(
            Email::parse("jose\u{301}@example.com").unwrap().key(),
            Email::parse("JOSÉ@example.com").unwrap().key()
        );
    }

    #[test]
    fn what_is_not_an_address_is_refused() {
        for text in [
            "plain",
            "@example.com",
            "a@",
            "a@localhost",
            "a b@example.com",
            "a@exa mple.com",
            "a@b@example.com",
            "Jo <jo@example.com>",
            "jo@[127.0.0.1]",
            "jo@example..com",
            ".jo@example.com",
            "jo\r\nBcc: x@example.com",
        ] {
            assert_eq!(code(text), "format", "{text:?}");
        }
        assert_eq!(code("   "), "too_short");
    }

    #[test]
    fn at_most_254_characters() {
        let domain = format!("{}.{}.{}.example", "d".repeat(60), "e".repeat(60), "f".repeat(60));
        let local = "l".repeat(254 - domain.len() - 1);
        assert_eq!(code(&format!("{local}@{domain}")), "ok");
        let longer = format!("{local}@{domain}x");
        assert_ne!(code(&longer), "ok");
        assert_eq!(code(&"a".repeat(100_000)), "too_long");
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,300}") {
            let _ = Email::parse(&text);
        }

        #[test]
        fn reading_is_idempotent_and_safe_in_a_header(local in "[a-zA-Z0-9._+-]{1,20}", domain in "[a-zA-Z0-9-]{1,20}\\.[a-z]{2,5}") {
            if let Ok(email) = Email::parse(&format!("{local}@{domain}")) {
                prop_assert_eq!(&Email::parse(email.expose()).unwrap(), &email);
                prop_assert!(!email.expose().contains(['\r', '\n', '\0', ' ']));
                prop_assert_eq!(email.key(), email.key().to_lowercase());
            }
        }
    }
}
