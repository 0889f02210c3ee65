//! What a PromQL expression selects: metrics, and what is asked of their labels.

/// Words that are neither a function nor a metric.
const KEYWORDS: &[&str] =
    &["and", "or", "unless", "bool", "offset", "by", "on", "without", "ignoring", "group_left", "group_right"];

/// A metric with its matchers.
#[derive(Debug, PartialEq, Eq)]
pub struct Selector {
    /// The metric's name.
    pub metric: String,
    /// Label, operator, value.
    pub matchers: Vec<(String, String, String)>,
}

/// Every selector of an expression. One without a name has an empty one.
pub fn selectors(expression: &str) -> Vec<Selector> {
    let (mut found, mut rest) = (Vec::new(), expression);
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' | '\'' => rest[1..].find(first).map_or(rest.len(), |end| end + 2),
            '[' => rest.find(']').map_or(rest.len(), |end| end + 1),
            '{' => {
                found.push(Selector { metric: String::new(), matchers: matchers(rest) });
                rest.find('}').map_or(rest.len(), |end| end + 1)
            }
            c if c.is_ascii_digit() => {
                rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '.').unwrap_or(rest.len())
            }
            c if c.is_ascii_alphabetic() => {
                let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != ':').unwrap_or(rest.len());
                let (word, after) = (&rest[..end], rest[end..].trim_start());
                if KEYWORDS.contains(&word) {
                    // The labels in parentheses are no metrics.
                    let labels = after.starts_with('(') && !["and", "or", "unless", "bool"].contains(&word);
                    if labels { rest.find(')').unwrap() + 1 } else { end }
                } else if after.starts_with('(') || after.starts_with("by") {
                    end
                } else {
                    let braces = rest[end..].starts_with('{');
                    found.push(Selector {
                        metric: word.to_owned(),
                        matchers: if braces { matchers(&rest[end..]) } else { Vec::new() },
                    });
                    if braces { end + rest[end..].find('}').unwrap() + 1 } else { end }
                }
            }
            other => other.len_utf8(),
        };
        rest = &rest[length..];
    }
    found
}

/// The matchers in the braces that a text begins with.
fn matchers(text: &str) -> Vec<(String, String, String)> {
    let inside = &text[1..text.find('}').unwrap()];
    let mut matchers = Vec::new();
    let mut rest = inside;
    while let Some(quote) = rest.find('"') {
        let end = quote + 1 + rest[quote + 1..].find('"').unwrap();
        let (label, operator) = rest[..quote].split_at(rest[..quote].find(['=', '!']).unwrap());
        let label = label.trim_matches([' ', ',']);
        matchers.push((label.to_owned(), operator.to_owned(), rest[quote + 1..end].to_owned()));
        rest = &rest[end + 1..];
    }
    matchers
}

/// Whether a value fits one alternative of a pattern: `.` is any character, `.*` and `.+` any text.
pub fn fits(pattern: &str, value: &str) -> bool {
    let Some(first) = pattern.chars().next() else { return value.is_empty() };
    let rest = &pattern[first.len_utf8()..];
    if first == '.' && rest.starts_with(['*', '+']) {
        let least = usize::from(rest.starts_with('+'));
        return (least..=value.len()).any(|skip| value.is_char_boundary(skip) && fits(&rest[1..], &value[skip..]));
    }
    value.chars().next().is_some_and(|c| (first == '.' || first == c) && fits(rest, &value[c.len_utf8()..]))
}
