//! What stands behind the `@`: the name of a domain, in ASCII.

use unicode_normalization::UnicodeNormalization;

use crate::text::is_invisible;

/// RFC 1035, 2.3.4, without the octets of the encoding.
const MAX_OCTETS: usize = 253;

/// A domain in its one form: lower-case ASCII (IDNA). `None` if it is none, or none that is known to the whole Internet.
///
/// A label is letters, digits and hyphens (RFC 5321, 4.1.2); the last one is not of digits alone (RFC 3696, 2), or it would be
/// read as an address.
pub(super) fn normalise(text: &str) -> Option<String> {
    if is_too_long(text) {
        return None;
    }
    let domain = idna::domain_to_ascii(text).ok()?;
    let (_, last) = domain.rsplit_once('.')?;
    let is_name = domain.split('.').all(is_label) && !last.bytes().all(|byte| byte.is_ascii_digit());
    is_name.then_some(domain)
}

/// Whether the text has more characters, once IDNA has mapped them, than its ASCII form may have octets. IDNA itself would
/// look at all of them: one character can become eighteen.
fn is_too_long(text: &str) -> bool {
    text.nfkc().filter(|c| !is_invisible(*c)).nth(MAX_OCTETS).is_some()
}

fn is_label(label: &str) -> bool {
    let is_inside = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    (1..=63).contains(&label.len()) && label.bytes().all(is_inside) && !label.starts_with('-') && !label.ends_with('-')
}
