//! Paths that mean the same are one path: unreserved characters may be written as `%41` as well (RFC 3986, 6.2.2.2).

use std::borrow::Cow;

/// The path with its unreserved characters as they are. What has a meaning of its own, such as `%2F`, stays as it was written.
pub(super) fn normalized(path: &str) -> Cow<'_, str> {
    if !path.contains('%') {
        return Cow::Borrowed(path);
    }
    let mut normal = String::with_capacity(path.len());
    let mut rest = path;
    while let Some((before, behind)) = rest.split_once('%') {
        normal.push_str(before);
        if let Some((character, more)) = unreserved(behind) {
            normal.push(character);
            rest = more;
        } else {
            normal.push('%');
            rest = behind;
        }
    }
    normal.push_str(rest);
    Cow::Owned(normal)
}

/// The character that two digits stand for, and what is behind them.
fn unreserved(text: &str) -> Option<(char, &str)> {
    let (digits, more) = text.split_at_checked(2)?;
    if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let character = char::from(u8::from_str_radix(digits, 16).ok()?);
    (character.is_ascii_alphanumeric() || "-._~".contains(character)).then_some((character, more))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unreserved_characters_are_decoded_and_nothing_else() {
        for (written, normal) in [
            ("/users/", "/users/"),
            ("/%75sers/%30%31%2d%7E", "/users/01-~"),
            ("/%2e%2E/%5f", "/../_"),
            ("/a%2Fb%25%3a%00%c3%a4", "/a%2Fb%25%3a%00%c3%a4"),
            ("/%", "/%"),
            ("/%4", "/%4"),
            ("/%+4%zz%%34", "/%+4%zz%4"),
            ("/%2535", "/%2535"),
            ("/%ä%4ä", "/%ä%4ä"),
        ] {
            assert_eq!(normalized(written), normal, "{written}");
        }
    }
}
