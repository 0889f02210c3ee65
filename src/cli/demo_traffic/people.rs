//! People who register: names from everywhere, addresses that nobody can have.

use rand::{Rng, RngExt};
use serde_json::{Value, json};

/// Reserved by RFC 2606 and RFC 6761: mail to them goes nowhere.
const DOMAINS: [&str; 3] = ["example.com", "example.org", "demo.invalid"];

/// As they are written, and as an address has them.
const FIRST_NAMES: [(&str, &str); 16] = [
    ("Ada", "ada"),
    ("Amélie", "amelie"),
    ("Björn", "bjorn"),
    ("Chinonso", "chinonso"),
    ("Grace", "grace"),
    ("İpek", "ipek"),
    ("José", "jose"),
    ("Karen", "karen"),
    ("Liang", "liang"),
    ("Mahmoud", "mahmoud"),
    ("Noor", "noor"),
    ("Óscar", "oscar"),
    ("Priya", "priya"),
    ("Radia", "radia"),
    ("Søren", "soren"),
    ("Yuki", "yuki"),
];
const LAST_NAMES: [(&str, &str); 12] = [
    ("Almeida", "almeida"),
    ("Dvořák", "dvorak"),
    ("Hopper", "hopper"),
    ("Ivanova", "ivanova"),
    ("Lovelace", "lovelace"),
    ("Müller", "muller"),
    ("Nakamura", "nakamura"),
    ("O’Brien", "obrien"),
    ("Okafor", "okafor"),
    ("Perlman", "perlman"),
    ("Rahman", "rahman"),
    ("Zhang", "zhang"),
];

/// Somebody who wants to register.
#[derive(Clone, Debug)]
pub(super) struct Person {
    pub(super) email: String,
    full_name: String,
}

impl Person {
    /// Somebody new: with 48 random bits in the address, no two are the same, in this run or another.
    pub(super) fn new(rng: &mut impl Rng) -> Person {
        let (first, last) = (pick(rng, &FIRST_NAMES), pick(rng, &LAST_NAMES));
        let (domain, tag) = (pick(rng, &DOMAINS), rng.random_range(0..1_u64 << 48));
        Person {
            email: format!("{}.{}.{tag:012x}@{domain}", first.1, last.1),
            full_name: format!("{} {}", first.0, last.0),
        }
    }

    /// The body of a good registration.
    pub(super) fn registration(&self) -> Value {
        json!({ "email": self.email, "full_name": self.full_name, "password": "correct horse battery staple" })
    }
}

pub(super) fn pick<T: Copy>(rng: &mut impl Rng, list: &[T]) -> T {
    list[rng.random_range(0..list.len())]
}
