//! The kinds of requests, how often each comes, and what it sends.

use rand::seq::IndexedRandom;
use rand::{Rng, RngExt};
use serde_json::{Value, json};
use unicode_normalization::UnicodeNormalization;

/// A kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Registration,
    Duplicate,
    SignIn,
    WrongPassword,
    InvalidBody,
    MalformedJson,
    UnknownPath,
    LeavesEarly,
    Health,
}

/// The kinds, what they are called, and how many of a hundred requests are of each. On a healthy service this mix raises no
/// alert.
pub(super) const MIX: [(Kind, &str, u32); 9] = [
    (Kind::Registration, "registration", 51),
    (Kind::Duplicate, "duplicate", 7),
    (Kind::SignIn, "sign-in", 10),
    (Kind::WrongPassword, "wrong password", 1),
    (Kind::InvalidBody, "invalid body", 7),
    (Kind::MalformedJson, "malformed JSON", 3),
    (Kind::UnknownPath, "unknown path", 5),
    (Kind::LeavesEarly, "leaves early", 2),
    (Kind::Health, "health", 14),
];

/// What people, and programs that try every address there is, ask for.
const PATHS: [&str; 6] = ["", "user/42", "favicon.ico", "robots.txt", "wp-login.php", ".env"];
/// Reserved by RFC 2606 and RFC 6761: mail to them goes nowhere.
const DOMAINS: [&str; 3] = ["example.com", "example.org", "demo.invalid"];
const FIRST_NAMES: [&str; 16] = [
    "Ada", "Amélie", "Björn", "Chinonso", "Grace", "İpek", "José", "Karen", "Liang", "Mahmoud", "Noor", "Óscar",
    "Priya", "Radia", "Šárka", "Yuki",
];
const LAST_NAMES: [&str; 12] = [
    "Almeida",
    "Dvořák",
    "Hopper",
    "Ivanova",
    "Lovelace",
    "Müller",
    "Nakamura",
    "O’Brien",
    "Okafor",
    "Perlman",
    "Rahman",
    "Zhang",
];

impl Kind {
    /// One of them, by its weight.
    pub(super) fn draw(rng: &mut impl Rng) -> Kind {
        MIX.choose_weighted(rng, |(_, _, weight)| *weight).map_or(Kind::Health, |(kind, ..)| *kind)
    }

    /// Whether it is a POST to `/users/`, of which one client address may not send as many as it likes.
    pub(super) fn registers(self) -> bool {
        !matches!(self, Kind::SignIn | Kind::WrongPassword | Kind::UnknownPath | Kind::Health)
    }

    /// Whether it is about somebody who has registered.
    pub(super) fn wants_somebody(self) -> bool {
        matches!(self, Kind::Duplicate | Kind::SignIn | Kind::WrongPassword)
    }
}

/// The body of a good registration, of somebody new: with 48 random bits in the address, no two are the same, in this run
/// or another.
pub(super) fn registration(rng: &mut impl Rng) -> Value {
    let (first, last, domain) = (pick(rng, &FIRST_NAMES), pick(rng, &LAST_NAMES), pick(rng, &DOMAINS));
    let email = format!("{}.{}.{:012x}@{domain}", ascii(first), ascii(last), rng.random_range(0..1_u64 << 48));
    json!({ "email": email, "full_name": format!("{first} {last}"), "password": "correct horse battery staple" })
}

/// A name as an address has it.
fn ascii(name: &str) -> String {
    name.nfd().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase()
}

/// A body with a fault that validation finds.
pub(super) fn invalid_body(rng: &mut impl Rng) -> Value {
    let mut body = registration(rng);
    let faults = [
        ("email", "ada.example.com".into()),
        ("email", Value::Null),
        ("full_name", " ".into()),
        ("password", "secret".into()),
        ("password", "1qaz2wsx3edc4rfv".into()),
        ("password", Value::Null),
    ];
    let (field, value) = &faults[rng.random_range(0..faults.len())];
    body[*field] = value.clone();
    body
}

/// A sign-in of somebody who has registered, with the password or another one.
pub(super) fn sign_in(person: &Value, knows_password: bool) -> Value {
    let password = if knows_password { person["password"].clone() } else { "wrong horse battery staple".into() };
    json!({ "email": person["email"], "password": password })
}

/// A body that breaks off, or has a comma too many.
pub(super) fn malformed_body(rng: &mut impl Rng) -> String {
    let body = registration(rng).to_string();
    if rng.random() { body[..body.len() - 2].to_owned() } else { body.replace('}', ",}") }
}

pub(super) fn unknown_path(rng: &mut impl Rng) -> &'static str {
    pick(rng, &PATHS)
}

fn pick(rng: &mut impl Rng, list: &[&'static str]) -> &'static str {
    list.choose(rng).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;
    use crate::accounts::registration::Registration;
    use crate::config::{Config, Sources};
    use crate::error::Error;
    use crate::password_policy::PasswordPolicy;

    fn parse(body: &str) -> Result<Registration, Error> {
        Registration::parse(body.as_bytes(), &PasswordPolicy::new(&Config::load(&Sources::default()).unwrap()))
    }

    proptest! {
        #[test]
        fn a_registration_is_valid_and_its_address_nobodys(seed: u64) {
            let body = registration(&mut StdRng::seed_from_u64(seed));
            let email = body["email"].as_str().unwrap();
            let registration = parse(&body.to_string()).unwrap();
            prop_assert_eq!(registration.email.expose(), email);
            let domain = email.rsplit_once('@').unwrap().1;
            prop_assert!(["example.com", "example.org"].contains(&domain) || domain.ends_with(".invalid"));
        }

        #[test]
        fn an_invalid_body_is_json_and_refused(seed: u64) {
            let body = invalid_body(&mut StdRng::seed_from_u64(seed)).to_string();
            let refused = matches!(parse(&body), Err(Error::Validation(_)));
            prop_assert!(refused, "{}", body);
        }

        #[test]
        fn a_malformed_body_is_no_json(seed: u64) {
            let body = malformed_body(&mut StdRng::seed_from_u64(seed));
            let refused = matches!(parse(&body), Err(Error::MalformedJson { .. }));
            prop_assert!(refused, "{}", body);
        }
    }

    #[test]
    fn kinds_come_by_their_weights() {
        assert_eq!(MIX.iter().map(|(_, _, weight)| weight).sum::<u32>(), 100);
        let mut rng = StdRng::seed_from_u64(7);
        let drawn: Vec<Kind> = (0..100_000).map(|_| Kind::draw(&mut rng)).collect();
        for (kind, _, weight) in MIX {
            let share = drawn.iter().filter(|drawn| **drawn == kind).count() as f64 / 1000.0;
            assert!((share - f64::from(weight)).abs() < 1.0, "{kind:?} {share} %");
        }
    }
}
