//! Words that anybody knows who knows the person or the service, and what is left of a password without them.

use secrecy::zeroize::Zeroizing;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Shorter words are found in too many others.
const MIN_LETTERS: usize = 3;

/// Words as they are compared: letters and digits alone, without case and accents.
#[derive(Clone, Debug, Default)]
pub(super) struct Words(Vec<Vec<char>>);

impl Words {
    /// Adds what a text is made of: each part of an address as a whole, each word, and each word without the digits at its
    /// ends. `ada.lovelace1815` is `adalovelace1815`, `ada`, `lovelace1815` and `lovelace`.
    pub(super) fn add(&mut self, text: &str) {
        for part in text.split('@') {
            self.add_word(part);
            for word in part.split(|c: char| !c.is_alphanumeric() && !is_combining_mark(c)) {
                self.add_word(word);
                self.add_word(word.trim_matches(char::is_numeric));
            }
        }
    }

    fn add_word(&mut self, word: &str) {
        let word: Vec<char> = folded(word).collect();
        if word.len() >= MIN_LETTERS {
            self.0.push(word);
        }
    }

    /// How many letters and digits are left of a text when the words are taken out, wherever they stand; `None` where it has
    /// none of them.
    pub(super) fn left_of(&self, text: &str) -> Option<usize> {
        let text: Zeroizing<Vec<char>> = Zeroizing::new(folded(text).collect());
        let mut is_taken = vec![false; text.len()];
        for word in &self.0 {
            let found = text.windows(word.len()).enumerate().filter(|(_, part)| part == word);
            found.for_each(|(at, _)| is_taken[at..at + word.len()].fill(true));
        }
        let left = is_taken.iter().filter(|is_taken| !**is_taken).count();
        (left < text.len()).then_some(left)
    }
}

fn folded(text: &str) -> impl Iterator<Item = char> {
    let bare = text.nfkd().filter(|c| !is_combining_mark(*c));
    bare.flat_map(char::to_lowercase).filter(|c| c.is_alphanumeric())
}
