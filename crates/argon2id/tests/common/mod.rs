//! What the tests of tags share.

use argon2id::{Input, Kernel, Memory, Params, hash};

/// Holds the tag of every kernel against the one that it must be, over clean memory and over what a hash has left.
pub fn assert_tag(params: &Params, input: &Input<'_>, expected: &[u8]) {
    for kernel in Kernel::all() {
        let mut memory = Memory::default();
        for _ in 0..if cfg!(miri) { 1 } else { 2 } {
            let mut tag = vec![0; expected.len()];
            hash(kernel, params, input, &mut memory, &mut tag).unwrap();
            assert_eq!(tag, expected, "{kernel:?}, {params:?}");
        }
    }
}
