//! What stands before the `@`: RFC 5321, 4.1.2, and beyond ASCII RFC 6531, 3.3.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::{is_combining_mark, is_public_assigned};

use crate::text::{is_invisible, is_shaper};

/// RFC 5321, 4.5.3.1.1.
const MAX_OCTETS: usize = 64;
/// In quotes, and with a backslash before each character.
const MAX_CHARACTERS: usize = 2 * MAX_OCTETS + 2;

/// A local part in its one form: NFC (RFC 6532, 3.1), and in quotes only where it cannot be without. `None` if it is none.
pub(super) fn normalise(text: &str) -> Option<String> {
    let text: String = text.nfc().take(MAX_CHARACTERS + 1).collect();
    if text.chars().count() > MAX_CHARACTERS {
        return None;
    }
    let mailbox = match text.strip_prefix('"') {
        Some(quoted) => unquote(quoted.strip_suffix('"')?)?,
        None if is_dot_string(&text) => text,
        None => return None,
    };
    // It would change whatever stands before it.
    if mailbox.starts_with(is_combining_mark) {
        return None;
    }
    let local = if is_dot_string(&mailbox) { mailbox } else { quote(&mailbox) };
    (local.len() <= MAX_OCTETS).then_some(local)
}

/// Words with dots between, which need no quotes.
fn is_dot_string(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c) || is_international(c);
    text.split('.').all(|word| !word.is_empty() && word.chars().all(is_plain))
}

/// What the quotes hold, without the backslashes.
fn unquote(quoted: &str) -> Option<String> {
    let is_printable = |c: &char| matches!(c, ' '..='~');
    let mut mailbox = String::with_capacity(quoted.len());
    let mut characters = quoted.chars();
    while let Some(character) = characters.next() {
        mailbox.push(match character {
            '\\' => characters.next().filter(is_printable)?,
            '"' => return None,
            _ if is_printable(&character) || is_international(character) => character,
            _ => return None,
        });
    }
    (!mailbox.is_empty()).then_some(mailbox)
}

fn quote(mailbox: &str) -> String {
    format!("\"{}\"", mailbox.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Any letter, mark, digit or sign beyond ASCII, and what shapes letters; nothing that cannot be seen, or means nothing.
fn is_international(c: char) -> bool {
    !c.is_ascii() && is_public_assigned(c) && !c.is_whitespace() && (!is_invisible(c) || is_shaper(c))
}
