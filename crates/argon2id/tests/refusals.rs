//! What is refused, and how that reads.

#![allow(clippy::unwrap_used, reason = "a test ends by panicking")]

use argon2id::{Error, Input, Kernel, Memory, Params, hash, phc};
use proptest::prelude::*;

fn refusal<T>(result: Result<T, Error>) -> String {
    result.err().map(|error| error.to_string()).unwrap_or_default()
}

#[test]
fn parameters_beyond_the_rfc_are_refused() {
    let refused = |memory, passes, lanes| refusal(Params::new(memory, passes, lanes));
    assert_eq!(refused(8, 0, 1), "the number of passes is 0; accepted: 1 to 4294967295");
    assert_eq!(refused(8, 1, 0), "the number of lanes is 0; accepted: 1 to 16777215");
    assert_eq!(refused(u32::MAX, 1, 1 << 24), "the number of lanes is 16777216; accepted: 1 to 16777215");
    assert_eq!(refused(31, 1, 4), "the memory in KiB is 31; accepted: 32 to 4294967295");
    for (memory, passes, lanes) in [(8, 1, 1), (32, 1, 4), (u32::MAX, u32::MAX, (1 << 24) - 1)] {
        let params = Params::new(memory, passes, lanes).unwrap();
        assert_eq!((params.memory_kib(), params.passes(), params.lanes()), (memory, passes, lanes));
    }
}

#[test]
fn salts_and_tags_that_are_too_short_are_refused() {
    let params = Params::new(8, 1, 1).unwrap();
    let refused = |salt, tag: &mut [u8]| {
        let input = Input { salt, ..Input::default() };
        refusal(hash(Kernel::best(), &params, &input, &mut Memory::default(), tag))
    };
    assert_eq!(refused(b"1234567", &mut [0; 4]), "the length of the salt in bytes is 7; accepted: 8 to 4294967295");
    assert_eq!(refused(b"12345678", &mut [0; 3]), "the length of the tag in bytes is 3; accepted: 4 to 4294967295");
    assert_eq!(refused(b"12345678", &mut [0; 4]), "");
}

#[test]
fn a_tag_that_no_phc_string_can_hold_is_refused() {
    let params = Params::new(8, 1, 1).unwrap();
    assert!(phc::write(&params, b"somesalt", &[0; 9]).is_err());
    assert!(phc::write(&params, b"somesalt", &[0; 65]).is_err());
    assert!(phc::write(&params, &[0; 49], &[0; 32]).is_err());
}

/// `$argon2id$v=19$m=8,t=1,p=1$…` with another part in place of one of its own.
fn foreign(part: &str, other: &str) -> String {
    let text = "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc";
    assert!(text.contains(part));
    let text = text.replace(part, other);
    refusal(phc::verify(Kernel::best(), &text, b"password", b"", &mut Memory::default()))
}

#[test]
fn phc_strings_of_other_hashes_are_refused() {
    let not_ours = "the PHC string is not of argon2id, version 19, with m, t and p alone";
    for (part, other) in [
        ("argon2id", "argon2i"),
        ("v=19", "v=16"),
        ("v=19$", ""),
        (",p=1", ""),
        (",p=1", ",p=1,keyid=8PDw8A"),
        ("$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc", ""),
    ] {
        assert_eq!(foreign(part, other), not_ours, "{other}");
    }
    assert_eq!(foreign("t=1", "t=0"), "the number of passes is 0; accepted: 1 to 4294967295");
    assert!(foreign("$argon2id", "argon2id").starts_with("the PHC string: "));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn any_text_is_verified_or_refused(
        text in r"(\$argon2id\$v=19\$|\$)?(m=[0-9]{1,3}|t=[0-9]|p=[0-9]|v=19|argon2id|[a-zA-Z0-9+/]{0,50}|[$,=]|\PC){0,12}",
    ) {
        let _ = phc::verify(Kernel::best(), &text, b"password", b"", &mut Memory::default());
    }

    #[test]
    fn any_parameters_are_accepted_or_refused(memory: u32, passes: u32, lanes: u32) {
        let _ = Params::new(memory, passes, lanes);
    }
}
