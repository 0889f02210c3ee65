//! What is in the list is found, and hardly anything else.

use common_passwords::contains;
use proptest::prelude::*;

/// Lines of the list, from its first to its last, as they stand there.
const SAMPLE: &str = include_str!("sample.txt");

#[test]
fn every_password_of_the_list_is_found_in_any_case() {
    for password in SAMPLE.lines() {
        assert!(contains(password), "{password}");
        assert!(contains(&password.to_uppercase()), "{password}");
        assert!(contains(&password.to_lowercase()), "{password}");
    }
}

#[test]
fn a_listed_password_with_something_beside_it_is_another() {
    for password in SAMPLE.lines() {
        assert!(!contains(&format!("{password} {password}!")), "{password}");
        assert!(!contains(&format!(" {password}")), "{password}");
    }
}

/// One in 65,536: of half a million about 8, and always the same, since the passwords are.
#[test]
fn few_others_are_taken_for_common() {
    let found = (0..500_000).filter(|number| contains(&format!("not in the list {number}"))).count();
    assert!((1..25).contains(&found), "{found}");
}

proptest! {
    #[test]
    fn any_text_is_looked_for(text in any::<String>()) {
        let _ = contains(&text);
    }

    #[test]
    fn case_does_not_count(text in "[a-zA-Z0-9 ]{8,40}") {
        prop_assert_eq!(contains(&text), contains(&text.to_ascii_uppercase()));
    }
}
