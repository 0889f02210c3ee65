//! Whether a password is one that attackers try first: 474,743 common and leaked ones of 8 characters or more, whatever their
//! case, in a filter of 1 MiB. Where they come from, and how the filter is made: `README.md` beside this crate.
//!
//! The filter is a binary fuse filter (Graf and Lemire, <https://arxiv.org/abs/2201.01174>) with 16 bits for each password: it
//! knows every password of the list, and takes about one in 65,536 of all others for one of them. No password can be read
//! from it.
//!
//! ```
//! assert!(common_passwords::contains("Password123"));
//! assert!(!common_passwords::contains("three otters on a tandem"));
//! ```

use std::hash::Hasher;

use siphasher::sip::SipHasher13;
use xorf::{BinaryFuse16Ref, Filter, FilterRef};

/// The fewest characters of a password that is in the list; shorter ones were left out.
pub const MIN_CHARACTERS: usize = 8;
/// The bytes of the file before the fingerprints: how they are laid out.
pub const DESCRIPTOR_BYTES: usize = xorf::Descriptor::DMA_LEN;

#[cfg(target_endian = "big")]
compile_error!("the fingerprints are little-endian");

/// Not a secret: it only has to be the same when the filter is made and when it is asked.
const KEY: &[u8; 16] = b"common-passwords";

/// The filter reads its fingerprints where they lie, two bytes at a time.
#[repr(align(8))]
struct Aligned<T: ?Sized>(T);

static FILE: &Aligned<[u8]> = &Aligned(*include_bytes!("common-passwords.bin"));

/// Whether this password is in the list, in any case of its letters; of others about one in 65,536 is taken to be. It is looked
/// for as it is: a caller who normalises passwords (the list is ASCII) does so before.
///
/// Three reads of memory and one pass over the text, of which no copy is made.
pub fn contains(password: &str) -> bool {
    // The descriptor before them has 20 bytes: what follows is as aligned as two bytes want it.
    let (descriptor, fingerprints) = FILE.0.split_at(DESCRIPTOR_BYTES);
    BinaryFuse16Ref::from_dma(descriptor, fingerprints).contains(&fingerprint(password))
}

/// What the filter knows of a password: the same for every case of its letters.
pub fn fingerprint(password: &str) -> u64 {
    let mut hasher = SipHasher13::new_with_key(KEY);
    for character in password.chars().flat_map(char::to_lowercase) {
        hasher.write(character.encode_utf8(&mut [0; 4]).as_bytes());
    }
    hasher.finish()
}
