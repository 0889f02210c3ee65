//! The error of a check as it is shown: one line, of bounded length, without addresses and passwords.

use std::error::Error;

/// How many characters of an error are shown.
const LONGEST: usize = 300;
/// How many causes of an error are shown.
const CAUSES: usize = 8;

/// The error with its causes.
pub(super) fn describe(error: &(dyn Error + 'static)) -> String {
    let mut text = String::new();
    let chain = std::iter::successors(Some(error), |&error| error.source());
    for message in chain.take(CAUSES).map(ToString::to_string) {
        // Some errors repeat their cause in their own message.
        if !text.contains(&message) {
            text.push_str(if text.is_empty() { "" } else { ": " });
            text.push_str(&message);
        }
    }
    shorten(&redact(&text))
}

/// Words with an `@` are addresses, or URLs with a password.
fn redact(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    words.map(|word| if word.contains('@') { "…" } else { word }).collect::<Vec<_>>().join(" ")
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Failure(&'static str, #[source] Option<Box<Failure>>);

    fn failure(text: &'static str) -> Failure {
        Failure(text, None)
    }

    #[test]
    fn causes_follow_unless_they_were_said() {
        let error = Failure("no: refused", Some(Box::new(Failure("refused", Some(Box::new(failure("os error")))))));
        assert_eq!(describe(&error), "no: refused: os error");
    }

    #[test]
    fn addresses_and_passwords_are_left_out() {
        let error = failure("550 <ada@example.com> unknown;\r\nsee http://me:secret@host/x \u{1b}[31m");
        assert_eq!(describe(&error), "550 … unknown; see … [31m");
    }

    #[test]
    fn it_is_bounded() {
        let error = failure(Box::leak("ä".repeat(100_000).into_boxed_str()));
        assert_eq!(describe(&error).chars().count(), LONGEST + 1);
    }
}
