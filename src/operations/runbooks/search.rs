//! The search: a document has to have every word, or one that begins so, in whatever case; the place with most is shown.

use std::cmp::Reverse;

use serde::Serialize;

use super::library::Document;
use super::markdown::Block;

/// How many words of a question count.
const WORDS: usize = 8;
/// How much of a place is shown, in characters.
const SHOWN: usize = 240;

/// What is searched for.
pub(super) struct Words(Vec<String>);

/// A piece of text, and whether it is what was searched for.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Piece {
    pub(super) text: String,
    pub(super) is_hit: bool,
}

/// A document that has all words.
pub(super) struct Hit<'a> {
    pub(super) document: &'a Document,
    /// The place with most of them.
    pub(super) block: Option<&'a Block>,
}

impl Words {
    /// The words of a question; `None` where it has none.
    pub(super) fn of(question: &str) -> Option<Words> {
        let words: Vec<String> = question.split_whitespace().take(WORDS).map(str::to_ascii_lowercase).collect();
        (!words.is_empty()).then_some(Words(words))
    }

    /// The documents with all words: first those that have most of them in the title, then runbooks, then those with most
    /// of them in one place.
    pub(super) fn find<'a>(&self, documents: &'a [Document]) -> Vec<Hit<'a>> {
        let mut hits: Vec<_> = documents.iter().filter_map(|document| self.look(document)).collect();
        let rank = |hit: &Hit<'_>| {
            let in_block = hit.block.map_or(0, |block| self.count(&block.text));
            (Reverse(self.count(&hit.document.title)), hit.document.kind, Reverse(in_block))
        };
        hits.sort_by_key(rank);
        hits
    }

    fn look<'a>(&self, document: &'a Document) -> Option<Hit<'a>> {
        let texts = || std::iter::once(&document.title).chain(document.blocks.iter().map(|block| &block.text));
        let has = |word: &String| texts().any(|text| place(text, word, 0).is_some());
        self.0.iter().all(has).then(|| Hit { document, block: self.best(&document.blocks) })
    }

    /// The first block with most of the words, where a word that few blocks have counts for more.
    fn best<'a>(&self, blocks: &'a [Block]) -> Option<&'a Block> {
        let mut scores = vec![0.0; blocks.len()];
        for word in &self.0 {
            let having: Vec<usize> =
                (0..blocks.len()).filter(|at| place(&blocks[*at].text, word, 0).is_some()).collect();
            having.iter().for_each(|at| scores[*at] += 1.0 + 1.0 / having.len() as f64);
        }
        let best = scores.iter().copied().enumerate().filter(|(_, score)| *score > 0.0);
        let best = best.reduce(|best, next| if next.1 > best.1 { next } else { best });
        best.map(|(at, _)| &blocks[at])
    }

    /// How many of the words a text has.
    fn count(&self, text: &str) -> usize {
        self.0.iter().filter(|word| place(text, word, 0).is_some()).count()
    }

    /// The part of a text around the first word, with the words marked.
    pub(super) fn mark(&self, text: &str) -> Vec<Piece> {
        let part = around(text, self.next(text, 0).map_or(0, |(start, _)| start));
        let (mut pieces, mut from) = (Vec::new(), 0);
        while let Some((start, end)) = self.next(&part, from) {
            pieces.push(Piece { text: part[from..start].to_owned(), is_hit: false });
            pieces.push(Piece { text: part[start..end].to_owned(), is_hit: true });
            from = end;
        }
        pieces.push(Piece { text: part[from..].to_owned(), is_hit: false });
        pieces.retain(|piece| !piece.text.is_empty());
        pieces
    }

    /// Where the next word begins and ends; the longest of those that begin there.
    fn next(&self, text: &str, from: usize) -> Option<(usize, usize)> {
        let found = self.0.iter().filter_map(|word| place(text, word, from).map(|start| (start, start + word.len())));
        found.min_by_key(|(start, end)| (*start, Reverse(*end)))
    }
}

/// Where a word of a text begins with this, from some place on; `Pool` in `DbPool` is a word as well. ASCII letters alone
/// change their case, so that a place is the same in both.
fn place(text: &str, word: &str, from: usize) -> Option<usize> {
    let begins_at = |start: &usize| {
        let (before, first) = (text[..*start].chars().next_back(), text[*start..].chars().next());
        let is_inside = |before: char| before.is_alphanumeric() && first.is_some_and(char::is_alphanumeric);
        let is_hump = |before: char| before.is_lowercase() && first.is_some_and(char::is_uppercase);
        before.is_none_or(|before| !is_inside(before) || is_hump(before))
    };
    let lower = text.to_ascii_lowercase();
    lower[from..].match_indices(word).map(|(start, _)| from + start).find(begins_at)
}

/// So much of a text that the place is in it, from a word to a word.
fn around(text: &str, place: usize) -> String {
    if text.chars().count() <= SHOWN {
        return text.to_owned();
    }
    let before: Vec<char> = text[..place].chars().rev().take(SHOWN / 3).collect();
    let whole = before.len() == text[..place].chars().count();
    let before: String = before.into_iter().rev().collect();
    let before = if whole { before } else { format!("… {}", before.split_once(' ').map_or("", |(_, rest)| rest)) };
    let after: String = text[place..].chars().take(SHOWN - SHOWN / 3).collect();
    let cut = place + after.len() < text.len();
    let after = if cut { format!("{} …", after.rsplit_once(' ').map_or(&*after, |(rest, _)| rest)) } else { after };
    before + &after
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::super::library::{Kind, documents};
    use super::*;

    fn found(question: &str) -> Vec<&'static str> {
        let hits = Words::of(question).unwrap().find(documents());
        hits.iter().map(|hit| hit.document.name).collect()
    }

    #[test]
    fn a_title_comes_first_and_a_runbook_before_the_rest() {
        assert_eq!(found("instancedown")[0], "NeodymeInstanceDown");
        let hits = Words::of("READ_ONLY standby").unwrap().find(documents());
        assert!(hits.iter().all(|hit| hit.block.is_some()));
        assert_eq!((hits[0].document.name, hits[0].document.kind), ("NeodymeCriticalError", Kind::Runbook));
        assert_eq!(hits[0].block.unwrap().anchor, "do");
        let hits = Words::of("lock database").unwrap().find(documents());
        let critical = hits.iter().find(|hit| hit.document.name == "NeodymeCriticalError").unwrap();
        assert!(critical.block.unwrap().text.starts_with("Cause lock:"), "{}", critical.block.unwrap().text);
    }

    #[test]
    fn every_word_has_to_be_there() {
        assert!(found("database").len() > found("database lock").len());
        assert_eq!(found("database qwertz"), Vec::<&str>::new());
        assert!(Words::of(" \t").is_none());
    }

    #[test]
    fn a_word_is_found_by_its_beginning_and_not_within_another() {
        for (text, is_found) in
            [("a lock", true), ("Locked", true), ("a clock", false), ("DbLock", true), ("CLOCK", false)]
        {
            assert_eq!(place(text, "lock", 0).is_some(), is_found, "{text}");
        }
        assert_eq!(place("(lock) under_lock", "lock", 2), Some(13));
    }

    #[test]
    fn words_are_marked_whatever_is_around_them() {
        let words = Words::of("lock é").unwrap();
        let marked = |text: &str| -> Vec<(String, bool)> {
            words.mark(text).into_iter().map(|piece| (piece.text, piece.is_hit)).collect()
        };
        let expected = [("İ<b>", false), ("LOCK", true), (" it ", false), ("é", true)];
        assert_eq!(marked("İ<b>LOCK it é"), expected.map(|(text, is_hit)| (text.to_owned(), is_hit)));
        let long = format!("{} lock {}", "ü ".repeat(400), "ß ".repeat(400));
        let pieces = marked(&long);
        let shown: usize = pieces.iter().map(|(text, _)| text.chars().count()).sum();
        assert!(shown <= SHOWN + 4 && pieces[0].0.starts_with("… ü") && pieces[2].0.ends_with("ß …"), "{pieces:?}");
    }
}
