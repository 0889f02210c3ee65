//! Mutants: a seed with a few things changed. Each change is a value of its own, so that proptest can leave out those that a
//! failure does not need.

use std::fmt;
use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// What parsers trip over.
const TOKENS: &[&[u8]] = &[
    b"\r\n",
    b"\n",
    b"\r\n\r\n",
    b"\0",
    b" ",
    b"\t",
    b"\"",
    b"\\",
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b";",
    b",",
    b"=",
    b"@",
    b"%",
    b"%00",
    b"%40",
    b"-",
    b"+",
    b"*",
    b"/",
    b"?",
    b"#",
    b"<",
    b">",
    b">\n",
    b"{}",
    b"0",
    b"-1",
    b"9223372036854775808",
    b"1e999",
    b"NaN",
    b"\\u0000",
    b"\\ud800",
    b"canary",
    b"\xff",
    b"\xc3",
    "é".as_bytes(),
    "\u{301}".as_bytes(),
    "\u{200f}".as_bytes(),
    "\u{202e}".as_bytes(),
    "\u{2028}".as_bytes(),
    "\u{fdfa}".as_bytes(),
    "\u{10ffff}".as_bytes(),
];
const LONGEST: usize = 16 * 1024;

/// An input.
pub struct Mutant(pub Vec<u8>);

impl fmt::Debug for Mutant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b\"{}\"", self.0.escape_ascii())
    }
}

#[derive(Clone, Debug)]
enum Change {
    Set(Index, u8),
    Flip(Index, u32),
    Insert(Index, Vec<u8>),
    Remove(Index, usize),
    Repeat(Index, usize, usize),
    /// Goes on with another seed from somewhere in it.
    Splice(Index, Index, Index),
}

/// Mutants of the seeds.
pub fn of(seeds: Vec<Vec<u8>>) -> impl Strategy<Value = Mutant> {
    let seeds = Arc::new(seeds);
    let changes = vec(change(), 0..10);
    (any::<Index>(), changes).prop_map(move |(seed, changes)| {
        let mut bytes = seed.get(&seeds).clone();
        changes.iter().for_each(|change| apply(change, &mut bytes, &seeds));
        bytes.truncate(LONGEST);
        Mutant(bytes)
    })
}

fn change() -> impl Strategy<Value = Change> {
    let at = any::<Index>;
    let length = || prop_oneof![8 => 1_usize..16, 1 => 16_usize..4096];
    prop_oneof![
        (at(), any::<u8>()).prop_map(|(at, byte)| Change::Set(at, byte)),
        (at(), 0..8_u32).prop_map(|(at, bit)| Change::Flip(at, bit)),
        (at(), select(TOKENS)).prop_map(|(at, token)| Change::Insert(at, token.to_vec())),
        (at(), vec(any::<u8>(), 1..8)).prop_map(|(at, bytes)| Change::Insert(at, bytes)),
        (at(), any::<char>()).prop_map(|(at, letter)| Change::Insert(at, letter.to_string().into_bytes())),
        (at(), length()).prop_map(|(at, length)| Change::Remove(at, length)),
        (at(), length(), prop_oneof![8 => 2_usize..5, 1 => 5_usize..400])
            .prop_map(|(at, length, times)| Change::Repeat(at, length, times)),
        (at(), at(), at()).prop_map(|(cut, other, from)| Change::Splice(cut, other, from)),
    ]
}

fn apply(change: &Change, bytes: &mut Vec<u8>, seeds: &[Vec<u8>]) {
    let place = |at: &Index, bytes: &[u8]| at.index(bytes.len() + 1);
    match change {
        Change::Set(at, byte) => {
            let at = place(at, bytes);
            bytes.get_mut(at).into_iter().for_each(|old| *old = *byte);
        }
        Change::Flip(at, bit) => {
            let at = place(at, bytes);
            bytes.get_mut(at).into_iter().for_each(|old| *old ^= 1 << bit);
        }
        Change::Insert(at, new) => {
            let at = place(at, bytes);
            bytes.splice(at..at, new.iter().copied());
        }
        Change::Remove(at, length) => {
            let at = place(at, bytes);
            bytes.drain(at..bytes.len().min(at + length));
        }
        Change::Repeat(at, length, times) => {
            let at = place(at, bytes);
            let end = bytes.len().min(at + length);
            let repeated = bytes[at..end].repeat(*times);
            bytes.splice(at..end, repeated);
            bytes.truncate(LONGEST);
        }
        Change::Splice(cut, other, from) => {
            let other = other.get(seeds);
            bytes.truncate(place(cut, bytes));
            bytes.extend_from_slice(&other[place(from, other)..]);
        }
    }
}
