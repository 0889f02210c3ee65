//! Whether a name may greet whoever reads the mail.
//!
//! Anybody can register the address of anybody, under any name: a name that is a message (`You won! http://…`) would be
//! sent by us, to somebody who never asked. Such a name is left out of mails, and greets nobody.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::text::is_shaper;
use crate::values::{Email, FullName};

/// More words than this are rather a sentence.
const MAX_WORDS: usize = 6;
const MAX_CHARACTERS: usize = 80;
/// More digits than this are rather a number to call, or a sum.
const MAX_DIGITS: usize = 2;
/// What names have beside letters: `Anne-Marie O'Brien (née Smith), Jr.`, `Gal·la`, `Jack "Ace" & Jill`, and their like in
/// other scripts.
const PUNCTUATION: &str = " .,'-()\"&’‘ʼ´`“”„‐‑–·・゠＝־׳״՚་";
/// Letters, digits and marks that look like a full stop, or like two (Unicode's list of confusable characters): the zeros of
/// Arabic, tones of Lisu, a sinological dot, a dot of music.
const LIKE_FULL_STOPS: &str = "\u{660}\u{6f0}\u{a4f8}\u{a4fa}\u{a4fb}\u{a78f}\u{1d16d}";

/// The name, if it looks like one.
pub(super) fn presentable(name: &FullName) -> Option<&str> {
    let name = name.expose();
    let is_short = name.chars().count() <= MAX_CHARACTERS && name.split_whitespace().count() <= MAX_WORDS;
    let is_of_letters = name.chars().all(is_of_a_name) && name.contains(char::is_alphabetic);
    let digits = name.chars().filter(|c| c.is_numeric()).count();
    (is_short && is_of_letters && digits <= MAX_DIGITS && !has_link(name)).then_some(name)
}

/// The address, or its first letter where what is before the `@` could be read as a sentence or a link: whoever registers chooses it.
pub(super) fn presentable_address(email: &Email) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "._+-'=&".contains(c);
    if email.local_part().chars().all(is_plain) { email.expose().to_owned() } else { email.masked() }
}

fn is_of_a_name(c: char) -> bool {
    c.is_alphanumeric() || is_combining_mark(c) || is_shaper(c) || c.is_whitespace() || PUNCTUATION.contains(c)
}

/// Whether a mail reader could take a part of it for the name of a host: letters behind a dot that is no initial's.
fn has_link(name: &str) -> bool {
    let words = name.split(|c: char| c.is_whitespace() || ",()\"&“”„".contains(c));
    words
        .flat_map(|word| word.split(is_full_stop).skip(1))
        .any(|label| label.chars().filter(|c| c.is_alphanumeric()).count() > 1)
}

/// Whether a reader takes it for a full stop, or a program makes one of it: `⒈` is `1.` to some (NFKD).
fn is_full_stop(c: char) -> bool {
    LIKE_FULL_STOPS.contains(c) || std::iter::once(c).nfkd().any(|c| c == '.')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn presents(text: &str) -> bool {
        presentable(&FullName::parse(text).unwrap()).is_some()
    }

    #[test]
    fn a_name_is_presented_as_it_is() {
        for name in [
            "Ada",
            "Ada.",
            "Ng",
            "Jean-Luc Picard",
            "O'Brien (née Smith)",
            "Miles O’Brien",
            "Dr. Martin Luther King, Jr.",
            "J.R.R. Tolkien",
            "J. R. R. Tolkien",
            "Sammy Davis Jr.",
            "Henry Louis Gates III",
            "Jack \"Ace\" Smith",
            "Jack & Jill Hill",
            "Zoë Ñandú-王",
            "María del Carmen García López",
            "王小明",
            "नमिता गोखले",
            "சுப்பிரமணிய பாரதி",
            "علی\u{200c}رضا",
            "ථිලිණි",
            "בן־ציון",
            "Gal·la Placídia",
            "レオナルド・ダ・ヴィンチ",
            "X Æ A-12",
            "Łukasz",
            "Jose\u{301}",
            "ꓡꓲꓸ ꓢꓴꓸ",
        ] {
            assert!(presents(name), "{name}");
        }
    }

    #[test]
    fn an_address_is_shown_unless_it_may_be_a_message() {
        let shown = |text: &str| presentable_address(&Email::parse(text).unwrap());
        for plain in ["ada.lovelace+shop@example.com", "o'brien_1@example.com", "jürgen@example.com"] {
            assert_eq!(shown(plain), plain);
        }
        for message in [
            "\"ada+ Hacked? Go to https://evil.example/x now \"@example.org",
            "ada+/www.evil.example/win/@example.org",
            "a!b@example.org",
        ] {
            assert!(shown(message).ends_with("***@example.org"), "{}", shown(message));
        }
    }

    #[test]
    fn a_message_is_not() {
        for name in [
            "You won! http://example.org/x",
            "example.org",
            "Visit example.org",
            "www.example.org",
            "EXAMPLE.ORG",
            "t.co",
            "Ada (evil.example)",
            "see evil。example",
            "see evil．example",
            "evil\u{a4f8}com",
            "evil\u{a4fa}com",
            "evil\u{a4fb}com",
            "Ada evil\u{2024}com",
            "evil\u{ff61}com",
            "evil\u{fe52}com",
            "evil\u{701}com",
            "evil\u{a60e}com",
            "evil\u{10a50}com",
            "evil\u{660}com",
            "evil\u{6f0}com",
            "evil\u{a78f}com",
            "evil\u{1d16d}com",
            "evil\u{2488}com",
            "evil\u{1f100}com",
            "ada@example.org",
            "evil[.]example",
            "https:",
            "Call 0800 555 1234",
            "+49 30 1234567",
            "٠١٢٣٤٥٦٧",
            "Ⅷ555",
            "You won 1000",
            "$$$",
            "Free €",
            "Ada!",
            "Really?",
            "<b>Ada</b>",
            "{{ email }}",
            "Ada/Bob",
            "Ada_Bob",
            "#1",
            "50%",
            "🎉",
            "Please click on the button to win",
            "...",
            "12",
        ] {
            assert!(!presents(name), "{name}");
        }
        assert!(!presents(&"a".repeat(81)));
    }
}
