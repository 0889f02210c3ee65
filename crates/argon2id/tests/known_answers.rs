//! The published answers: RFC 9106, and the reference's own tests (`src/test.c`), from every kernel.

#![allow(clippy::unwrap_used, reason = "a test ends by panicking")]

mod common;

use argon2id::{Input, Kernel, Memory, Params, phc};

use common::assert_tag;

#[test]
fn the_vector_of_rfc_9106_5_3() {
    let tag = [
        0x0d, 0x64, 0x0d, 0xf5, 0x8d, 0x78, 0x76, 0x6c, 0x08, 0xc0, 0x37, 0xa3, 0x4a, 0x8b, 0x53, 0xc9, 0xd0, 0x1e,
        0xf0, 0x45, 0x2d, 0x75, 0xb6, 0x5e, 0xb5, 0x25, 0x20, 0xe9, 0x6b, 0x01, 0xe6, 0x59,
    ];
    let input = Input { password: &[1; 32], salt: &[2; 16], secret: &[3; 8], data: &[4; 12] };
    assert_tag(&Params::new(32, 3, 4).unwrap(), &input, &tag);
}

/// The password of each hash; its salt and parameters are in the string.
const REFERENCE: [(&str, &str); 8] = [
    ("password", "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"),
    ("password", "$argon2id$v=19$m=262144,t=2,p=1$c29tZXNhbHQ$eP4eyR+zqlZX1y5xCFTkw9m5GYx0L5YWwvCFvtlbLow"),
    ("password", "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"),
    ("password", "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc"),
    ("password", "$argon2id$v=19$m=65536,t=1,p=1$c29tZXNhbHQ$9qWtwbpyPd3vm1rB1GThgPzZ3/ydHL92zKL+15XZypg"),
    ("password", "$argon2id$v=19$m=65536,t=4,p=1$c29tZXNhbHQ$kCXUjmjvc5XMqQedpMTsOv+zyJEf5PhtGiUghW9jFyw"),
    ("differentpassword", "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$C4TWUs9rDEvq7w3+J4umqA32aWKB1+DSiRuBfYxFj94"),
    ("password", "$argon2id$v=19$m=65536,t=2,p=1$ZGlmZnNhbHQ$vfMrBczELrFdWP0ZsfhWsRPaHppYdP3MVEMIVlqoFBw"),
];

#[test]
#[cfg_attr(miri, ignore = "too long")]
fn the_answers_of_the_reference() {
    for (password, text) in REFERENCE {
        let stored = ::phc::PasswordHash::new(text).unwrap();
        let cost = |name| stored.params.get_decimal(name).unwrap();
        let params = Params::new(cost("m"), cost("t"), cost("p")).unwrap();
        let (salt, tag) = (stored.salt.unwrap(), stored.hash.unwrap());
        let input = Input { password: password.as_bytes(), salt: &salt, ..Input::default() };
        assert_tag(&params, &input, tag.as_bytes());
        assert_eq!(phc::write(&params, &salt, tag.as_bytes()).unwrap(), text);
    }
}

#[test]
#[cfg_attr(miri, ignore = "too long")]
fn a_phc_string_is_that_of_its_password_alone() {
    let (password, text) = REFERENCE[3];
    let mut memory = Memory::default();
    let mut verify = |password: &str, secret: &[u8]| {
        phc::verify(Kernel::best(), text, password.as_bytes(), secret, &mut memory).unwrap()
    };
    assert!(verify(password, b""));
    assert!(!verify("passwore", b""));
    assert!(!verify(password, b"pepper"));
}
