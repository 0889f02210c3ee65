//! What a session was begun with, in few words: the browser and the system that its `User-Agent` names.

use serde::Serialize;

/// What names a browser, the most telling first: most name those as well that they are like.
const BROWSERS: [(&str, &str); 9] = [
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Vivaldi/", "Vivaldi"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
];

/// What names a system, the most telling first.
const SYSTEMS: [(&str, &str); 7] = [
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
];

/// What a session was begun with.
#[derive(Serialize)]
pub(super) struct DeviceView {
    /// Empty where it is not known, as is the system then.
    browser: &'static str,
    system: &'static str,
    /// What it says itself; empty where it says nothing.
    said: String,
}

impl DeviceView {
    pub(super) fn new(said: String) -> Self {
        let (browser, system) = known(&said).unwrap_or_default();
        DeviceView { browser, system, said }
    }
}

fn known(said: &str) -> Option<(&'static str, &'static str)> {
    let named =
        |names: &[(&str, &'static str)]| names.iter().find(|(mark, _)| said.contains(mark)).map(|(_, name)| *name);
    // Every browser begins so, and hardly any program.
    said.starts_with("Mozilla/").then_some(())?;
    named(&BROWSERS).zip(named(&SYSTEMS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_told_apart_and_nothing_else_is_taken_for_one() {
        const LIKE_CHROME: &str = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0";
        for (said, expected) in [
            ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0".to_owned(), "Firefox Linux"),
            (format!("Mozilla/5.0 (Windows NT 10.0; Win64; x64) {LIKE_CHROME} Safari/537.36"), "Chrome Windows"),
            (
                format!("Mozilla/5.0 (Windows NT 10.0; Win64; x64) {LIKE_CHROME} Safari/537.36 Edg/140.0"),
                "Edge Windows",
            ),
            (format!("Mozilla/5.0 (Linux; Android 10; K) {LIKE_CHROME} Mobile Safari/537.36"), "Chrome Android"),
            (
                format!("Mozilla/5.0 (Linux; Android 10; K) {LIKE_CHROME} Mobile Safari/537.36 EdgA/140.0"),
                "Edge Android",
            ),
            (format!("Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {LIKE_CHROME} Safari/537.36"), "Chrome ChromeOS"),
            (
                format!("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {LIKE_CHROME} Safari/537.36 OPR/120.0"),
                "Opera macOS",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) \
                 Version/18.6 Mobile/15E148 Safari/604.1"
                    .to_owned(),
                "Safari iPhone",
            ),
            ("Mozilla/5.0 (X11; FreeBSD amd64; rv:140.0) Gecko/20100101 Firefox/140.0".to_owned(), " "),
            ("curl/8.15.0 (Linux) Chrome/1".to_owned(), " "),
            ("Our app 7, Android".to_owned(), " "),
            (String::new(), " "),
        ] {
            let DeviceView { browser, system, .. } = DeviceView::new(said.clone());
            assert_eq!(format!("{browser} {system}"), expected, "{said}");
        }
    }
}
