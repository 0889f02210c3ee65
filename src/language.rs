//! Tags of languages (BCP 47), and which of the languages that there are fits one that somebody asks for.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The longest tag that is worth the name (RFC 5646, 4.4.1).
pub(crate) const LONGEST: usize = 35;
/// What a tag looks like (ECMA-262): a language, and perhaps its script, its region and its variants.
pub(crate) const PATTERN: &str =
    "^[A-Za-z]{2,3}(-[A-Za-z]{4})?(-([A-Za-z]{2}|[0-9]{3}))?(-([A-Za-z0-9]{5,8}|[0-9][A-Za-z0-9]{3}))*$";

/// A language, such as `de`, `pt-BR` or `zh-Hant-TW`; in the case that is usual for each part.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Language(String);

impl Language {
    /// Reads a tag. Extensions are no part of it: they say nothing of the words.
    ///
    /// # Errors
    /// What is wrong with it, as the end of a sentence that begins with the text.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if text.len() > LONGEST {
            return Err("has more than 35 characters");
        }
        Self::in_usual_case(text).ok_or("is not the tag of a language, such as de, en-GB or zh-Hant-TW")
    }

    fn in_usual_case(text: &str) -> Option<Self> {
        let mut parts = text.split('-').peekable();
        let mut tag = parts.next().filter(|part| is_alphabetic(part, 2..=3))?.to_ascii_lowercase();
        if let Some(script) = parts.next_if(|part| is_alphabetic(part, 4..=4)) {
            tag.extend(["-", &script[..1].to_ascii_uppercase(), &script[1..].to_ascii_lowercase()]);
        }
        let is_region = |part: &&str| is_alphabetic(part, 2..=2) || part.len() == 3 && is_numeric(part);
        if let Some(region) = parts.next_if(is_region) {
            tag.extend(["-", &region.to_ascii_uppercase()]);
        }
        for variant in parts {
            tag.extend(["-", &Some(variant).filter(|part| is_variant(part))?.to_ascii_lowercase()]);
        }
        Some(Language(tag))
    }

    /// English, in which there is every text.
    pub fn english() -> Self {
        Language("en".to_owned())
    }

    /// The tag.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The tag itself, then what is left of it as its end is taken away: `pt-BR`, `pt`.
    pub fn and_wider(&self) -> impl Iterator<Item = Language> {
        std::iter::successors(Some(self.as_str()), |tag| wider(tag)).map(|tag| Language(tag.to_owned()))
    }
}

/// The best of these for a range of languages (RFC 4647, 3.4): the one that it names, else one that it is a part of.
pub fn lookup<'a>(range: &str, available: &'a [Language]) -> Option<&'a Language> {
    let named = |range: &str| available.iter().find(|language| language.0.eq_ignore_ascii_case(range));
    std::iter::successors(Some(range), |range| wider(range)).find_map(named)
}

/// A single letter or digit says what comes behind it, and goes with that.
fn wider(tag: &str) -> Option<&str> {
    let (before, _) = tag.rsplit_once('-')?;
    match before.rsplit_once('-') {
        Some((rest, single)) if single.len() == 1 => Some(rest),
        _ => Some(before),
    }
}

fn is_alphabetic(part: &str, lengths: std::ops::RangeInclusive<usize>) -> bool {
    lengths.contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphabetic())
}

fn is_numeric(part: &str) -> bool {
    part.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_variant(part: &str) -> bool {
    let is_long_enough = match part.len() {
        4 => part.starts_with(|first: char| first.is_ascii_digit()),
        length => (5..=8).contains(&length),
    };
    is_long_enough && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Language {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        Language::parse(&text)
    }
}

impl From<Language> for String {
    fn from(language: Language) -> String {
        language.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Option<String> {
        Language::parse(text).ok().map(String::from)
    }

    #[test]
    fn a_tag_is_kept_in_its_usual_case() {
        for (text, tag) in [
            ("de", "de"),
            ("DE", "de"),
            ("en-gb", "en-GB"),
            ("PT-br", "pt-BR"),
            ("ZH-HANT-tw", "zh-Hant-TW"),
            ("es-419", "es-419"),
            ("sr-latn", "sr-Latn"),
            ("gsw-CH", "gsw-CH"),
            ("de-CH-1996", "de-CH-1996"),
            ("sl-ROZAJ-biske", "sl-rozaj-biske"),
        ] {
            assert_eq!(read(text).as_deref(), Some(tag));
        }
    }

    #[test]
    fn what_is_no_tag_is_refused() {
        let long = format!("de-{}", ["abcdefgh"; 4].join("-"));
        for text in [
            "",
            "d",
            "deutsch",
            "german",
            "de_AT",
            "de-",
            "-de",
            "de--AT",
            "de-A",
            "de-AT-",
            "de AT",
            " de",
            "d1",
            "1234",
            "dé",
            "*",
            "de-AT-AT",
            "de-12",
            "de-abcdefghi",
            "de-u-co-phonebk",
            "x-klingon",
            "i-default",
            "../de",
            "de\0",
            &long,
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn a_range_finds_what_it_names_or_is_a_part_of() {
        let available: Vec<Language> = ["de", "en", "pt-BR", "zh-Hant"].map(|tag| Language::parse(tag).unwrap()).into();
        for (range, found) in [
            ("de", Some("de")),
            ("DE-at", Some("de")),
            ("de-CH-1996", Some("de")),
            ("pt-br", Some("pt-BR")),
            ("pt", None),
            ("pt-PT", None),
            ("zh-Hant-TW", Some("zh-Hant")),
            ("zh-hant-x-private1", Some("zh-Hant")),
            ("de-u-co-phonebk", Some("de")),
            ("fr", None),
            ("*", None),
            ("", None),
            ("-", None),
            ("den", None),
        ] {
            assert_eq!(lookup(range, &available).map(Language::as_str), found, "{range}");
        }
    }

    #[test]
    fn what_is_wider_comes_after_it() {
        let tags = |text| Language::parse(text).unwrap().and_wider().map(String::from).collect::<Vec<_>>();
        assert_eq!(tags("zh-Hant-TW"), ["zh-Hant-TW", "zh-Hant", "zh"]);
        assert_eq!(tags("en"), ["en"]);
    }

    proptest! {
        #[test]
        fn any_text_is_a_tag_or_none(text in any::<String>(), range in "[a-zA-Z0-9*-]{0,40}") {
            let _ = (read(&text), lookup(&range, &[Language::english()]));
        }

        #[test]
        fn what_fits_the_pattern_is_a_tag_and_stays_one(text in &PATTERN[1..PATTERN.len() - 1]) {
            let read_again = read(&text).map(|tag| read(&tag) == Some(tag.clone()) && tag.eq_ignore_ascii_case(&text));
            prop_assert_eq!(read_again.unwrap_or(false), text.len() <= LONGEST, "{}", text);
        }
    }
}
