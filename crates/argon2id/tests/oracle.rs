//! The same tags as the `argon2` crate, from every kernel.

#![allow(clippy::unwrap_used, reason = "a test ends by panicking")]

mod common;

use argon2::{Algorithm, Argon2, AssociatedData, ParamsBuilder, Version};
use argon2id::{Input, Kernel, Memory, Params, hash};
use proptest::collection::vec;
use proptest::prelude::*;

use common::assert_tag;

/// What the `argon2` crate makes of it.
fn oracle(params: &Params, input: &Input<'_>, length: usize) -> Vec<u8> {
    let mut builder = ParamsBuilder::new();
    builder.m_cost(params.memory_kib()).t_cost(params.passes()).p_cost(params.lanes()).output_len(length);
    builder.data(AssociatedData::new(input.data).unwrap());
    let (id, version) = (Algorithm::Argon2id, Version::V0x13);
    let argon2 = Argon2::new_with_secret(input.secret, id, version, builder.build().unwrap()).unwrap();
    let mut tag = vec![0; length];
    argon2.hash_password_into(input.password, input.salt, &mut tag).unwrap();
    tag
}

/// Up to eight lanes, with as little memory as there may be, or more.
fn params() -> impl Strategy<Value = Params> {
    let cost = (1_u32..=8).prop_flat_map(|lanes| (8 * lanes..8 * lanes + 1200, 1_u32..=4, Just(lanes)));
    cost.prop_map(|(memory, passes, lanes)| Params::new(memory, passes, lanes).unwrap())
}

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config(512))]
    #[test]
    fn tags_are_those_of_the_argon2_crate(
        params in params(),
        password in vec(any::<u8>(), 0..200),
        salt in vec(any::<u8>(), 8..80),
        secret in vec(any::<u8>(), 0..100),
        data in vec(any::<u8>(), 0..=32),
        length in 4_usize..=200,
    ) {
        let input = Input { password: &password, salt: &salt, secret: &secret, data: &data };
        assert_tag(&params, &input, &oracle(&params, &input, length));
    }
}

proptest! {
    #![proptest_config(config(32))]
    #[test]
    fn memory_may_be_used_for_other_parameters(hashes in vec(params(), 2..8)) {
        let input = Input { password: b"correct horse", salt: b"battery staple", ..Input::default() };
        for kernel in Kernel::all() {
            let mut memory = Memory::reserve(&hashes[0]).unwrap();
            for params in &hashes {
                let mut tag = [0; 32];
                hash(kernel, params, &input, &mut memory, &mut tag).unwrap();
                prop_assert_eq!(&tag[..], &oracle(params, &input, 32), "{:?}, {:?}", kernel, params);
            }
        }
    }
}

#[test]
fn tags_of_the_usual_cost_are_those_of_the_argon2_crate() {
    let params = Params::new(19_456, 2, 1).unwrap();
    let input = Input { password: b"correct horse", salt: b"0123456789abcdef", ..Input::default() };
    assert_tag(&params, &input, &oracle(&params, &input, 32));
}
