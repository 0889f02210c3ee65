//! The path under which something is served.

use std::fmt;

/// The longest. A target may have many times as much, and nobody wants to type more.
const LONGEST: usize = 128;

/// What the paths of the API begin with. A prefix that began so too would make two things of one path.
pub const FIRST_SEGMENTS: &[&str] = &[".well-known", "account", "audit", "auth", "health", "openapi.json", "users"];

/// A path in front of others, such as `/api/v1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathPrefix(String);

impl PathPrefix {
    /// Reads one.
    ///
    /// # Errors
    /// What is wrong with it, as the end of a sentence that begins with the text.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let path = text.strip_prefix('/').ok_or("does not begin with a /")?;
        if path.ends_with('/') || path.is_empty() {
            return Err("ends with a /");
        }
        if text.len() > LONGEST {
            return Err("is longer than 128 characters");
        }
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if !path.split('/').all(|segment| segment.bytes().all(is_plain)) {
            return Err("has other characters than letters, digits and -._~ between its /");
        }
        if path.split('/').any(|segment| matches!(segment, "" | "." | "..")) {
            return Err("has a part that is empty, . or .., which clients and proxies take away");
        }
        match path.split('/').next() {
            Some(first) if FIRST_SEGMENTS.contains(&first) => Err("begins as paths of the API do"),
            _ => Ok(PathPrefix(text.to_owned())),
        }
    }

    /// As it was written: with a slash in front and none behind.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What of a path is behind this prefix, from its slash on.
    pub fn strip<'a>(&self, path: &'a str) -> Option<&'a str> {
        path.strip_prefix(&self.0).filter(|rest| rest.starts_with('/'))
    }
}

impl fmt::Display for PathPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_prefix_is_a_path_without_a_slash_at_its_end() {
        for text in ["/api", "/api/v1", "/a/b/c", "/v1.0_x~y-z", "/api/users", "/usersx"] {
            assert_eq!(PathPrefix::parse(text).map(|prefix| prefix.to_string()), Ok(text.to_owned()));
        }
        for (text, word) in [
            ("", "begin"),
            ("api", "begin"),
            ("https://example.com/api", "begin"),
            ("/", "ends"),
            ("/api/", "ends"),
            ("/api//v1", "empty"),
            ("//api", "empty"),
            ("/../api", "empty"),
            ("/api/.", "empty"),
            ("/api v1", "characters"),
            ("/api?x", "characters"),
            ("/api#x", "characters"),
            ("/%61pi", "characters"),
            ("/{id}", "characters"),
            ("/*", "characters"),
            ("/\u{e4}", "characters"),
            ("/users", "begins as"),
            ("/users/api", "begins as"),
            ("/.well-known", "begins as"),
        ] {
            let fault = PathPrefix::parse(text).expect_err(text);
            assert!(fault.contains(word), "{text}: {fault}");
        }
        assert!(PathPrefix::parse(&format!("/{}", "a".repeat(127))).is_ok());
        assert!(PathPrefix::parse(&format!("/{}", "a".repeat(128))).is_err());
    }

    #[test]
    fn it_is_taken_from_paths_below_it_only() {
        let prefix = PathPrefix::parse("/api/v1").unwrap();
        for (path, rest) in [
            ("/api/v1/users/", Some("/users/")),
            ("/api/v1/", Some("/")),
            ("/api/v1", None),
            ("/api/v10/users", None),
            ("/users/", None),
            ("/x/api/v1/users", None),
        ] {
            assert_eq!(prefix.strip(path), rest, "{path}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_prefix_or_is_none(text in any::<String>(), path in any::<String>()) {
            if let Ok(prefix) = PathPrefix::parse(&text) {
                let _ = prefix.strip(&path);
            }
        }

        #[test]
        fn what_is_in_front_is_taken_away_again(text in "(/[a-z0-9._~-]{1,5}){1,3}", path in "(/[a-z{}%]{0,5}){1,4}") {
            if let Ok(prefix) = PathPrefix::parse(&text) {
                let whole = format!("{prefix}{path}");
                prop_assert_eq!(prefix.strip(&whole), Some(path.as_str()));
                let below = format!("{prefix}/x");
                let asked = url::Url::parse("http://a").unwrap().join(&below).unwrap();
                prop_assert_eq!(asked.path(), below, "clients ask for it as it is");
            }
        }
    }
}
