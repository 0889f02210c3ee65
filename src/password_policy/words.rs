//! Words that anybody knows who knows the person or the service, and what is left of a password without them.

use secrecy::zeroize::{Zeroize, Zeroizing};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Shorter words are found in too many others.
const MIN_LETTERS: usize = 3;
/// What makes `ü` of `u`, and `å` of `a`.
const DIAERESIS: char = '\u{308}';
const RING: char = '\u{30a}';

/// Words as they are compared: letters and digits alone, without case and accents.
#[derive(Clone, Debug, Default)]
pub(super) struct Words(Vec<Vec<Letter>>);

/// A letter or a digit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Letter {
    character: char,
    /// Whether it can be left out: whoever is called Müller writes Mueller as well as Muller.
    is_optional: bool,
}

impl Zeroize for Letter {
    fn zeroize(&mut self) {
        self.character.zeroize();
    }
}

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
        let word = folded(word);
        if length(&word) >= MIN_LETTERS {
            self.0.push(word);
        }
    }

    /// How many letters and digits are left of a text when the words are taken out, wherever they stand; `None` where it has
    /// none of them.
    pub(super) fn left_of(&self, text: &str) -> Option<usize> {
        let text = Zeroizing::new(folded(text));
        let mut is_taken = vec![false; text.len()];
        for word in &self.0 {
            for at in 0..text.len() {
                let found = found_at_start(word, &text[at..]).unwrap_or_default();
                is_taken[at..at + found].fill(true);
            }
        }
        let left = text.iter().zip(&is_taken).filter(|(letter, is_taken)| !letter.is_optional && !**is_taken).count();
        is_taken.contains(&true).then_some(left)
    }
}

/// How much of a text that begins with a word is that word.
fn found_at_start(word: &[Letter], text: &[Letter]) -> Option<usize> {
    let mut at = 0;
    for letter in word {
        // What can be left out of the text is not there where the word goes on without it.
        let is_left_out = |there: &&Letter| there.is_optional && there.character != letter.character;
        at += usize::from(text.get(at).filter(is_left_out).is_some());
        match text.get(at) {
            Some(there) if there.character == letter.character => at += 1,
            _ if letter.is_optional => {}
            _ => return None,
        }
    }
    Some(at)
}

fn length(word: &[Letter]) -> usize {
    word.iter().filter(|letter| !letter.is_optional).count()
}

fn folded(text: &str) -> Vec<Letter> {
    let mut letters: Vec<Letter> = Vec::with_capacity(2 * text.len());
    for character in text.nfkd().flat_map(char::to_lowercase) {
        let is_on = |vowels: &str| letters.last().is_some_and(|last| vowels.contains(last.character));
        match character {
            DIAERESIS if is_on("aou") => letters.push(optional('e')),
            RING if is_on("a") => letters.push(optional('a')),
            'ß' => letters.extend(all_of("ss")),
            'æ' => letters.extend(all_of("ae")),
            'œ' => letters.extend(all_of("oe")),
            'ø' => letters.extend(all_of("o").chain([optional('e')])),
            'ł' => letters.extend(all_of("l")),
            'đ' | 'ð' => letters.extend(all_of("d")),
            'þ' => letters.extend(all_of("th")),
            'ı' => letters.extend(all_of("i")),
            other if other.is_alphanumeric() && !is_combining_mark(other) => letters.push(given(other)),
            _ => {}
        }
    }
    letters
}

const fn given(character: char) -> Letter {
    Letter { character, is_optional: false }
}

const fn optional(character: char) -> Letter {
    Letter { character, is_optional: true }
}

fn all_of(letters: &str) -> impl Iterator<Item = Letter> {
    letters.chars().map(given)
}
