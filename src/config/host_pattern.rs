//! Names of hosts, as `Host` headers have them.

use std::fmt;

/// A host's name, or all names below one (`*.example.com`). Case does not count, nor does a full stop at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPattern(String);

impl HostPattern {
    /// Reads one; `None` where the text is neither a name nor such a pattern.
    pub fn parse(text: &str) -> Option<Self> {
        let pattern = normal(text);
        let name = pattern.strip_prefix("*.").unwrap_or(&pattern);
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let is_name = name.split('.').all(|label| !label.is_empty() && label.bytes().all(is_allowed));
        is_name.then_some(HostPattern(pattern))
    }

    /// Whether the name is this one, or one of these.
    pub fn matches(&self, name: &str) -> bool {
        let name = normal(name);
        match self.0.strip_prefix('*') {
            Some(end) => name.len() > end.len() && name.ends_with(end),
            None => name == self.0,
        }
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether the name is one of those that nobody else can have (RFC 6761, 6.3). Whether a connection to it stays on this
/// machine is another question: see [`Host::is_this_machine`](super::Host::is_this_machine).
pub fn is_localhost(name: &str) -> bool {
    let name = normal(name);
    name == "localhost" || name.ends_with(".localhost")
}

fn normal(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_itself_in_any_case_and_with_a_full_stop() {
        let pattern = HostPattern::parse("Metrics.Example.com.").unwrap();
        assert_eq!(pattern.to_string(), "metrics.example.com");
        for name in ["metrics.example.com", "METRICS.example.COM", "metrics.example.com."] {
            assert!(pattern.matches(name), "{name}");
        }
        for name in ["example.com", "x.metrics.example.com", "metrics.example.com..", "metrics.example.com.evil", ""] {
            assert!(!pattern.matches(name), "{name}");
        }
    }

    #[test]
    fn a_pattern_is_every_name_below() {
        let pattern = HostPattern::parse("*.example.com").unwrap();
        for (name, expected) in [
            ("a.example.com", true),
            ("b.A.Example.com.", true),
            ("example.com", false),
            (".example.com", false),
            ("aexample.com", false),
            ("a.example.com.evil", false),
        ] {
            assert_eq!(pattern.matches(name), expected, "{name}");
        }
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for text in
            ["", ".", "*", "*.", "a..b", "a:9000", "http://a", "a/b", "a b", "[::1]", "*a.example", "a.*.b", "ä"]
        {
            assert_eq!(HostPattern::parse(text), None, "{text:?}");
        }
        assert!(HostPattern::parse("neodyme_1").is_some_and(|pattern| pattern.matches("neodyme_1")));
    }

    #[test]
    fn localhost_and_what_is_below_it_is_nobody_elses() {
        for name in ["localhost", "LOCALHOST", "localhost.", "a.b.localhost", "a.localhost."] {
            assert!(is_localhost(name), "{name}");
        }
        for name in ["localhost.evil", "notlocalhost", "localhost..", "localhost.localdomain"] {
            assert!(!is_localhost(name), "{name}");
        }
    }
}
