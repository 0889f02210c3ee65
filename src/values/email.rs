//! An email address.

mod domain;
mod local_part;
mod prefix;

use std::fmt;

use unicode_normalization::UnicodeNormalization;

pub use self::prefix::AddressPrefix;
use super::fields::text_field;
use super::{Fault, FaultCode};

/// RFC 5321, 4.5.3.1.3 (with erratum 1690): a path is at most 256 octets, its angle brackets included.
const MAX_OCTETS: usize = 254;

/// A valid, normalised email address (RFC 5321, RFC 6531), as SMTP carries it.
///
/// The case of the local part is kept, since only its own server knows whether it matters; it is in NFC, and in quotes only
/// where it cannot be without. The domain is lower-case ASCII (IDNA). Two addresses that differ only by case are the same
/// user: see [`Email::key`]. Printing shows it masked.
#[derive(Clone, PartialEq, Eq)]
pub struct Email {
    address: String,
    at: usize,
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
            return Err(Fault::new(FaultCode::TooShort, "must not be empty"));
        }
        // NFC and IDNA can shorten a text, but not by this much.
        if text.len() > 4 * MAX_OCTETS {
            return Err(too_long());
        }
        let (local, domain) = text.rsplit_once('@').ok_or_else(not_an_address)?;
        let (local, domain) = local_part::normalise(local).zip(domain::normalise(domain)).ok_or_else(not_an_address)?;
        let address = format!("{local}@{domain}");
        if address.len() > MAX_OCTETS {
            return Err(too_long());
        }
        let (at, key) = (local.len(), key_of(&address));
        Ok(Email { address, at, key })
    }

    /// The address itself, for the database, the mail server and the user.
    pub fn expose(&self) -> &str {
        &self.address
    }

    /// What stands before the `@`.
    pub fn local_part(&self) -> &str {
        &self.address[..self.at]
    }

    /// What stands behind the `@`.
    pub fn domain(&self) -> &str {
        &self.address[self.at + 1..]
    }

    /// What is unique: the address without regard to case.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The address for a log: `j***@example.com`.
    pub fn masked(&self) -> String {
        let first: String = self.local_part().chars().take(1).collect();
        format!("{first}***@{}", self.domain())
    }
}

/// A text without regard to case.
fn key_of(text: &str) -> String {
    text.to_lowercase().nfc().collect()
}

fn not_an_address() -> Fault {
    Fault::new(FaultCode::Format, "must be an email address such as name@example.com")
}

fn too_long() -> Fault {
    Fault::new(FaultCode::TooLong, format!("must have at most {MAX_OCTETS} characters")).against(MAX_OCTETS)
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

text_field!(Email, "Email", { "type": "string", "format": "email", "maxLength": 254 });

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::values::testing::cost;

    fn code(text: &str) -> &'static str {
        Email::parse(text).map_or_else(|fault| fault.code, |_| "ok")
    }

    #[test]
    fn the_domain_is_lower_case_and_the_local_part_kept() {
        let email = Email::parse("  Jo.Doe@Example.COM ").unwrap();
        assert_eq!(email.expose(), "Jo.Doe@example.com");
        assert_eq!((email.local_part(), email.domain()), ("Jo.Doe", "example.com"));
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
    fn every_script_has_addresses() {
        for text in [
            "संपर्क@डाटामेल.भारत",
            "தொடர்பு@example.com",
            "ติดต่อ@ไทย.example",
            "联系@例子.公司",
            "اتصال@مثال.السعودية",
            "نامه\u{200c}رسان@example.com",
            "ක්\u{200d}ෂේම@example.com",
            "שָׁלוֹם@example.com",
            "liên.hệ@example.com",
            "❤\u{fe0f}@example.com",
        ] {
            assert_eq!(code(text), "ok", "{text}");
        }
    }

    #[test]
    fn quotes_without_need_are_the_same_mailbox() {
        let john = Email::parse("john@example.com").unwrap();
        for text in ["\"john\"@example.com", "\"j\\ohn\"@example.com"] {
            assert_eq!(Email::parse(text).unwrap(), john, "{text}");
        }
        assert_eq!(Email::parse("\"JOHN\"@example.com").unwrap().key(), john.key());
        let spaced = Email::parse("\"a b\"@example.com").unwrap();
        assert_eq!(spaced.expose(), "\"a b\"@example.com");
        assert_eq!(Email::parse("\"a\\ \\b\"@example.com").unwrap(), spaced);
        assert_eq!(Email::parse("\"a\\\"\\\\@b\"@example.com").unwrap().expose(), "\"a\\\"\\\\@b\"@example.com");
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
            "jo@example.com.",
            "jo@-example.com",
            "jo@example-.com",
            "jo@exa_mple.com",
            "jo@exa!mple.com",
            "jo@1.2.3.4",
            "jo@example.123",
            ".jo@example.com",
            "jo.@example.com",
            "j..o@example.com",
            "jo\r\nBcc: x@example.com",
            "\"\"@example.com",
            "\"@example.com",
            "\"a\"b\"@example.com",
            "\"a\\\"@example.com",
            "\"a\tb\"@example.com",
            "\"a\"b@example.com",
            "a\u{a0}b@example.com",
            "a\u{202e}b@example.com",
            "a\u{200f}b@example.com",
            "a\u{200b}b@example.com",
            "a\u{feff}b@example.com",
            "a\u{3164}b@example.com",
            "a\u{85}b@example.com",
            "\u{301}a@example.com",
            "a\u{fffe}b@example.com",
        ] {
            assert_eq!(code(text), "format", "{text:?}");
        }
        assert_eq!(code("   "), "too_short");
    }

    #[test]
    fn at_most_254_characters_and_64_before_the_at() {
        let domain = format!("{}.{}.{}.example", "d".repeat(60), "e".repeat(60), "f".repeat(60));
        let local = "l".repeat(254 - domain.len() - 1);
        assert_eq!(code(&format!("{local}@{domain}")), "ok");
        let longer = format!("{local}@{domain}x");
        assert_ne!(code(&longer), "ok");
        assert_eq!(code(&"a".repeat(100_000)), "too_long");
        assert_eq!(code(&format!("{}@example.com", "l".repeat(64))), "ok");
        assert_eq!(code(&format!("{}@example.com", "l".repeat(65))), "format");
        assert_eq!(code(&format!("a@{}.example", "d".repeat(63))), "ok");
        assert_eq!(code(&format!("a@{}.example", "d".repeat(64))), "format");
    }

    #[test]
    fn a_text_that_grows_or_is_too_long_costs_no_more_than_a_good_one() {
        let international = format!("é@{}example", "é.".repeat(30));
        let usual = cost(|| Email::parse(&international).unwrap());
        for text in [
            format!("a@{}.com", "\u{fdfa}".repeat(330)),
            format!("a@{}", "\u{fdfa}.".repeat(240)),
            format!("{}@example.com", "\u{fdfa}".repeat(330)),
            format!("a@xn--{}.com", "a".repeat(990)),
            "x".repeat(16_384),
        ] {
            let took = cost(|| Email::parse(&text));
            assert!(took < 10 * usual, "{took:?} instead of {usual:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in any::<String>()) {
            let _ = Email::parse(&text);
        }

        #[test]
        fn reading_is_idempotent_and_safe_in_a_header(
            local in "[a-zA-Z0-9._+-]{1,20}|\"[ -~]{1,20}\"|\"?\\PC{1,12}\"?", domain in "[a-zA-Z0-9-]{1,20}\\.[a-z]{2,5}|\\PC{1,9}\\.example",
        ) {
            if let Ok(email) = Email::parse(&format!("{local}@{domain}")) {
                prop_assert_eq!(&Email::parse(email.expose()).unwrap(), &email);
                prop_assert_eq!(email.local_part().nfc().collect::<String>(), email.local_part());
                prop_assert!(!email.expose().contains(char::is_control) && email.domain().is_ascii());
                prop_assert!(!email.expose().contains(' ') || email.expose().starts_with('"'));
                if email.expose().is_ascii() {
                    let shouted = Email::parse(&email.expose().to_uppercase()).unwrap();
                    prop_assert_eq!(shouted.key(), email.key());
                }
            }
        }
    }
}
