//! What a client accepts (RFC 9110, 12.4.2).

use crate::language::{Language, lookup};

/// More languages than this nobody reads.
const MOST_LANGUAGES: usize = 32;

/// The highest quality value that a list gives to a wanted item; 0 where it names none.
pub fn quality(list: &str, wanted: impl Fn(&str) -> bool) -> f32 {
    let wanted = items(list).filter(|(name, _)| wanted(&name.to_ascii_lowercase()));
    wanted.map(|(_, q)| q).fold(0.0, f32::max)
}

/// The one of these languages that fits best what an `Accept-Language` asks for (RFC 4647, 3.4), if one does.
pub fn language<'a>(list: &str, available: &'a [Language]) -> Option<&'a Language> {
    let mut ranges: Vec<_> = items(list).take(MOST_LANGUAGES).filter(|(_, q)| *q > 0.0).collect();
    ranges.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    ranges.into_iter().find_map(|(range, _)| lookup(range, available))
}

/// The items of a list, each with its quality.
fn items(list: &str) -> impl Iterator<Item = (&str, f32)> {
    list.split(',').map(|item| {
        let mut parts = item.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let q = parts.find_map(weight).map_or(Some(1.0), |q| q.parse().ok());
        // What is no quality is no wish either: `inf` and `1e9` are numbers to Rust.
        (name, q.filter(|q| (0.0..=1.0).contains(q)).unwrap_or(0.0))
    })
}

/// The text of a parameter that is a weight; names of parameters are in any case (RFC 9110, 5.6.6).
fn weight(parameter: &str) -> Option<&str> {
    let (name, value) = parameter.split_once('=')?;
    name.eq_ignore_ascii_case("q").then_some(value)
}

/// Whether a client wants a page rather than JSON; `None` where it does not say.
pub fn prefers_html(accept: &str) -> Option<bool> {
    let html = quality(accept, |media_type| matches!(media_type, "text/html" | "text/*" | "application/xhtml+xml"));
    let json = quality(accept, |media_type| matches!(media_type, "application/json" | "application/*"));
    (html > 0.0 || json > 0.0).then_some(html > json)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_wants_a_page_and_a_script_json() {
        assert_eq!(prefers_html("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"), Some(true));
        assert_eq!(prefers_html("application/json"), Some(false));
        assert_eq!(prefers_html("text/html;q=0.5, application/json"), Some(false));
        assert_eq!(prefers_html("*/*"), None);
        assert_eq!(prefers_html(""), None);
    }

    #[test]
    fn a_quality_is_between_0_and_1() {
        for (list, best) in [
            ("a;q=0.5, b", 1.0),
            ("a;q=0.5", 0.5),
            ("a; Q=0.5", 0.5),
            ("a;level=1;Q=0.5", 0.5),
            ("a;q=inf", 0.0),
            ("a;q=-1", 0.0),
            ("a;q=NaN", 0.0),
        ] {
            assert_eq!(quality(list, |_| true), best, "{list}");
        }
        assert_eq!(prefers_html("application/json, text/html;q=2"), Some(false));
    }

    #[test]
    fn the_language_is_the_first_of_the_best_that_there_is() {
        let available: Vec<Language> = ["de", "en", "pt-BR"].map(|tag| Language::parse(tag).unwrap()).into();
        for (list, best) in [
            ("de-AT", Some("de")),
            ("fr-FR, fr;q=0.9, de;q=0.8, en;q=0.7", Some("de")),
            ("en;q=0.5,de-DE;q=0.9", Some("de")),
            ("en;Q=0.5,de-DE;Q=0.9", Some("de")),
            ("en, de", Some("en")),
            ("de;q=0, en-US;q=0.1", Some("en")),
            ("pt-PT, pt-br;q=0.1", Some("pt-BR")),
            ("fr, *", None),
            ("de;q=2", None),
            ("", None),
            (",;q=1,-", None),
        ] {
            assert_eq!(language(list, &available).map(Language::as_str), best, "{list}");
        }
        let many = |more| format!("{}de", "fr,".repeat(more));
        assert!(language(&many(MOST_LANGUAGES - 1), &available).is_some());
        assert!(language(&many(MOST_LANGUAGES), &available).is_none());
    }
}
