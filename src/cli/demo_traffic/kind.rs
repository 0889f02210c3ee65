//! The kinds of requests, how often each comes, and what it sends.

use rand::{Rng, RngExt};
use serde_json::Value;

use super::people::{Person, pick};

/// A kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Registration,
    Duplicate,
    InvalidBody,
    MalformedJson,
    UnknownPath,
    LeavesEarly,
    Health,
}

/// Of a hundred requests, so many are of this kind. On a healthy service this mix raises no alert.
const MIX: [(Kind, u32); 7] = [
    (Kind::Registration, 62),
    (Kind::Duplicate, 7),
    (Kind::InvalidBody, 7),
    (Kind::MalformedJson, 3),
    (Kind::UnknownPath, 5),
    (Kind::LeavesEarly, 2),
    (Kind::Health, 14),
];

/// What people, and machines that go through every address there is, ask for.
const PATHS: [&str; 6] = ["/", "/users/42", "/favicon.ico", "/robots.txt", "/wp-login.php", "/.env"];

impl Kind {
    pub(super) const ALL: [Kind; MIX.len()] = {
        let mut all = [Kind::Registration; MIX.len()];
        let mut at = 0;
        while at < MIX.len() {
            all[at] = MIX[at].0;
            at += 1;
        }
        all
    };

    /// One of them, by its weight.
    pub(super) fn draw(rng: &mut impl Rng) -> Kind {
        let mut left = rng.random_range(0..MIX.iter().map(|(_, weight)| weight).sum());
        for (kind, weight) in MIX {
            match left.checked_sub(weight) {
                Some(rest) => left = rest,
                None => return kind,
            }
        }
        Kind::Health
    }

    /// Whether it is a POST to `/users/`, of which one client address may not send as many as it likes.
    pub(super) fn registers(self) -> bool {
        !matches!(self, Kind::UnknownPath | Kind::Health)
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Kind::Registration => "registration",
            Kind::Duplicate => "duplicate",
            Kind::InvalidBody => "invalid body",
            Kind::MalformedJson => "malformed JSON",
            Kind::UnknownPath => "unknown path",
            Kind::LeavesEarly => "leaves early",
            Kind::Health => "health",
        }
    }
}

/// A body with a fault that validation finds.
pub(super) fn invalid_body(rng: &mut impl Rng) -> Value {
    let mut body = Person::new(rng).registration();
    let faults: [fn(&mut Value); 5] = [
        |body| body["email"] = "ada.example.com".into(),
        |body| body["full_name"] = " ".into(),
        |body| body["password"] = "secret".into(),
        |body| body["password"] = Value::Null,
        |body| {
            body.as_object_mut().map(|fields| fields.remove("email"));
        },
    ];
    pick(rng, &faults)(&mut body);
    body
}

/// A body that breaks off, or has a comma too many.
pub(super) fn malformed_body(rng: &mut impl Rng) -> String {
    let body = Person::new(rng).registration().to_string();
    match rng.random_range(0..2) {
        0 => body[..body.len() - 2].to_owned(),
        _ => body.replace('}', ",}"),
    }
}

pub(super) fn unknown_path(rng: &mut impl Rng) -> &'static str {
    pick(rng, &PATHS)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;
    use crate::accounts::registration::Registration;
    use crate::error::Error;

    fn parse(body: &str) -> Result<Registration, Error> {
        Registration::parse(body.as_bytes())
    }

    proptest! {
        #[test]
        fn a_registration_is_valid_and_its_address_nobodys(seed: u64) {
            let person = Person::new(&mut StdRng::seed_from_u64(seed));
            let registration = parse(&person.registration().to_string()).unwrap();
            prop_assert_eq!(registration.email.expose(), &person.email);
            let domain = person.email.rsplit_once('@').unwrap().1;
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
        assert_eq!(MIX.iter().map(|(_, weight)| weight).sum::<u32>(), 100);
        let mut rng = StdRng::seed_from_u64(7);
        let drawn: Vec<Kind> = (0..100_000).map(|_| Kind::draw(&mut rng)).collect();
        for (kind, weight) in MIX {
            let share = drawn.iter().filter(|drawn| **drawn == kind).count() as f64 / 1000.0;
            assert!((share - f64::from(weight)).abs() < 1.0, "{kind:?} {share} %");
        }
    }
}
