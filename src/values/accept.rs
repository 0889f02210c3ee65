//! What a client accepts (RFC 9110, 12.4.2).

/// The highest quality value that a list gives to a wanted item; 0 where it names none.
pub fn quality(list: &str, wanted: impl Fn(&str) -> bool) -> f32 {
    let items = list.split(',').map(|item| {
        let mut parts = item.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default().to_ascii_lowercase();
        let q = parts.find_map(|part| part.strip_prefix("q=")).map_or(Some(1.0), |q| q.parse().ok());
        // What is no quality is no wish either: `inf` and `1e9` are numbers to Rust.
        (name, q.filter(|q| (0.0..=1.0).contains(q)).unwrap_or(0.0))
    });
    items.filter(|(name, _)| wanted(name)).map(|(_, q)| q).fold(0.0, f32::max)
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
        for (list, best) in [("a;q=0.5, b", 1.0), ("a;q=0.5", 0.5), ("a;q=inf", 0.0), ("a;q=-1", 0.0), ("a;q=NaN", 0.0)]
        {
            assert_eq!(quality(list, |_| true), best, "{list}");
        }
        assert_eq!(prefers_html("application/json, text/html;q=2"), Some(false));
    }
}
