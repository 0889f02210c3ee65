//! What an error says may repeat what a client sent, or how a service was reached: addresses and secrets are masked
//! before a text is kept or shown.
//!
//! A word with an `@` is masked as a whole: an address, or a URL with a password. From the name of a secret on
//! (`password=…`, `Authorization: …`), the rest of the text is. The secrets of the configuration are known, and masked
//! in whatever form they come; so is the person that a mail is for.

mod person;
mod secrets;
mod spelling;
mod view;

pub(crate) use self::person::Person;
use self::secrets::MASK;
pub(crate) use self::secrets::{learn, mask_secrets};
use crate::text::escape;

const MORE: &str = "…";

/// Names whose value is nobody's business.
const SECRET_NAMES: [&str; 11] = [
    "password",
    "passwd",
    "pwd",
    "secret",
    "token",
    "api_key",
    "apikey",
    "api-key",
    "authorization",
    "bearer",
    "cookie",
];
/// What a password hash begins with.
const HASH: &str = "$argon2";

/// The text on one line, redacted, and at most that many bytes long.
pub(crate) fn redact(text: &str, max_bytes: usize) -> Box<str> {
    redact_words(text, max_bytes, MASK, is_address).into_boxed_str()
}

/// The same, with this mark for each word that is private, of which an address is to be one.
fn redact_words(text: &str, max_bytes: usize, mark: &str, is_private: impl Fn(&str) -> bool) -> String {
    let text = mask_secrets(text);
    let mut kept = String::with_capacity(max_bytes + MORE.len());
    for word in words(&text) {
        if !kept.is_empty() {
            kept.push(' ');
        }
        if is_private(word) {
            mask(&mut kept, word, mark);
        } else if let Some(at) = secret_in(word) {
            kept.push_str(&escape(&word[..at]));
            kept.push_str(MASK);
            break;
        } else {
            kept.push_str(&escape(word));
        }
        if kept.len() > max_bytes {
            break;
        }
    }
    clip(&mut kept, max_bytes);
    kept
}

/// The words of a text. A control character of ASCII or Latin-1 parts them as a space does, but not where that would part a
/// secret from its name, or an address. What turns the direction of letters is no space: it is written out.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split_whitespace().flat_map(|word| {
        let is_whole = is_address(word) || secret_in(word).is_some();
        word.split(move |character: char| !is_whole && character.is_control()).filter(|word| !word.is_empty())
    })
}

/// Whether a word has what an email address has, also percent-encoded.
pub fn is_address(word: &str) -> bool {
    word.contains('@') || word.contains("%40")
}

/// Masks a word; of an address whose local part is quoted (`"a b"@example.com`), the words before it too.
fn mask(kept: &mut String, word: &str, mark: &str) {
    let quote = word.contains("\"@").then(|| kept.rfind('"')).flatten();
    kept.truncate(quote.unwrap_or(kept.len()));
    kept.push_str(mark);
}

/// Where the secret begins that a word names or is. Most words are neither, and are done at once.
fn secret_in(word: &str) -> Option<usize> {
    if word.eq_ignore_ascii_case("bearer") {
        return Some(word.len());
    }
    if !word.bytes().any(|byte| matches!(byte, b'=' | b':' | b'$')) {
        return None;
    }
    let lower = word.to_ascii_lowercase();
    let named = SECRET_NAMES.iter().filter_map(|name| {
        let end = lower.find(name)? + name.len();
        Some(end + lower[end..].find(['=', ':'])? + 1)
    });
    named.chain(lower.find(HASH)).min()
}

/// The text as it is, and at most that many bytes of it.
pub(crate) fn clipped(text: &str, max_bytes: usize) -> Box<str> {
    let mut kept = text.to_owned();
    clip(&mut kept, max_bytes);
    kept.into_boxed_str()
}

fn clip(text: &mut String, max_bytes: usize) {
    if text.len() > max_bytes {
        text.truncate(text.floor_char_boundary(max_bytes - MORE.len()));
        text.push_str(MORE);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_an_operator_needs_is_kept() {
        for text in [
            "the database failed (timeout)",
            "the password could not be hashed",
            "error sending request for url (http://127.0.0.1:9/events)",
            "connection refused (os error 111)",
        ] {
            assert_eq!(&*redact(text, 240), text);
        }
        assert_eq!(&*redact("two\nlines\tand\u{0}more\u{202e}yet", 240), "two lines and more\\u{202e}yet");
    }

    #[test]
    fn no_canary_is_kept() {
        for text in [
            "no such mailbox: canary@example.com",
            "Key (email_key)=(canary@example.com) already exists.",
            "mail to \"the canary\"@example.com and \"a canary\"@example.com failed",
            "GET /users/canary%40example.com",
            "cannot reach postgres://neodyme:canary@db/neodyme",
            "cannot reach smtp://mailer:canary@mail:587",
            "password=canary",
            "host=db user=u Password=can ary dbname=canary",
            "{\"password\": \"long canary\", \"other\": 1}",
            "x-api-key:canary",
            "Authorization: Basic canary",
            "Bearer canary",
            "set-cookie: session=canary",
            "ops_token: canary",
            "stored as $argon2id$v=19$canary",
            "no such mailbox: canary\u{200e}@example.com, canary\u{0}@example.com",
            "password\u{202e}=canary",
        ] {
            let kept = redact(text, 240);
            assert!(!kept.contains("ary") && kept.contains(MASK), "{kept}");
        }
    }

    #[test]
    fn a_long_text_is_clipped_after_it_is_redacted() {
        let text = format!("{}canary@example.com", "x".repeat(230));
        assert_eq!(&*redact(&text, 240), MASK);
        assert_eq!(&*redact(&"é".repeat(200), 13), "ééééé…");
    }

    proptest! {
        #[test]
        fn any_text_is_short_and_on_one_line(text in any::<String>(), max in 8_usize..300) {
            let kept = redact(&text, max);
            prop_assert!(kept.len() <= max);
            prop_assert!(!kept.contains('@') && !kept.contains(crate::text::is_invisible));
        }
    }
}
