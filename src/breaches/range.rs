//! What is asked, and what the answer says: lines of 35 hex digits, a colon and how often it was found.

use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use secrecy::zeroize::Zeroizing;

use crate::values::Password;

/// The hex digits that are sent. With them a service tells about one password in a million from another.
const PREFIX: usize = 5;
/// A SHA-1 in hex digits.
const WHOLE: usize = 40;

/// The SHA-1 of a password, in upper-case hex digits.
pub(super) struct Digest(Zeroizing<String>);

/// The answer is something else.
#[derive(Debug, thiserror::Error)]
#[error("the answer is no range of hashes: check that breached_passwords_url leads to one")]
pub(super) struct NotARange;

impl Digest {
    pub(super) fn of(password: &Password) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
        let digest = digest(&SHA1_FOR_LEGACY_USE_ONLY, password.expose());
        let mut text = Zeroizing::new(String::with_capacity(WHOLE));
        for byte in digest.as_ref() {
            text.extend([byte >> 4, byte & 15].map(|digit| char::from(DIGITS[usize::from(digit)])));
        }
        Digest(text)
    }

    /// What is sent.
    pub(super) fn prefix(&self) -> &str {
        &self.0[..PREFIX]
    }

    /// Whether it is in an answer. What was found 0 times is padding, which hides how long the answer really is.
    pub(super) fn is_in(&self, range: &[u8]) -> Result<bool, NotARange> {
        let range = std::str::from_utf8(range).map_err(|_| NotARange)?;
        let mut is_found = false;
        for line in range.lines().filter(|line| !line.trim().is_empty()) {
            let (suffix, count) = line.trim().split_once(':').ok_or(NotARange)?;
            let is_suffix = suffix.len() == WHOLE - PREFIX && suffix.bytes().all(|byte| byte.is_ascii_hexdigit());
            let count: u64 = count.parse().map_err(|_| NotARange)?;
            if !is_suffix {
                return Err(NotARange);
            }
            is_found |= count > 0 && suffix.eq_ignore_ascii_case(&self.0[PREFIX..]);
        }
        Ok(is_found)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `password`, as `sha1sum` has it.
    const SUFFIX: &str = "1E4C9B93F3F0682250B6CF8331B7EE68FD8";

    fn digest() -> Digest {
        Digest::of(&Password::parse("password").unwrap())
    }

    fn is_in(range: &str) -> Option<bool> {
        digest().is_in(range.as_bytes()).ok()
    }

    #[test]
    fn five_digits_of_the_hash_are_sent() {
        assert_eq!(digest().prefix(), "5BAA6");
        assert_eq!(*digest().0, format!("5BAA6{SUFFIX}"));
    }

    #[test]
    fn a_password_is_known_by_the_rest_of_its_hash_and_a_count() {
        let other = "0018A45C4D1DEF81644B54AB7F969B88D65:3";
        assert_eq!(is_in(&format!("{other}\r\n{SUFFIX}:52256179\r\n{other}")), Some(true));
        assert_eq!(is_in(&format!("{}:1\n", SUFFIX.to_lowercase())), Some(true));
        assert_eq!(is_in(&format!("{SUFFIX}:0\r\n{other}")), Some(false));
        assert_eq!(is_in(other), Some(false));
        assert_eq!(is_in(""), Some(false));
    }

    #[test]
    fn what_is_no_range_is_no_answer() {
        for text in
            ["<html>", "52256179", SUFFIX, &format!("{SUFFIX}:"), &format!("{SUFFIX}:-1"), &format!("{SUFFIX}0:1")]
        {
            assert_eq!(is_in(text), None, "{text}");
            assert_eq!(is_in(&format!("{SUFFIX}:7\n{text}")), None, "{text}");
        }
        assert!(digest().is_in(b"\xff").is_err());
    }

    proptest! {
        #[test]
        fn any_answer_is_read_or_refused(range in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = digest().is_in(&range);
        }
    }
}
