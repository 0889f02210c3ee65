//! What BLAKE2b is used for: H0 (RFC 9106, 3.2, step 1) and H' (3.3).

use blake2::digest::block_api::{UpdateCore, VariableOutputCore};
use blake2::digest::block_buffer::LazyBuffer;
use blake2::{Blake2b512, Blake2bVarCore, Digest};
use zeroize::Zeroizing;

use crate::{Error, Input, Params};

/// The version of argon2.
pub(crate) const VERSION: u32 = 0x13;
/// The number of argon2id among the variants (y).
pub(crate) const VARIANT: u32 = 2;

/// The hash of all parameters and all input.
pub(crate) fn h0(params: &Params, input: &Input<'_>, tag: usize) -> Zeroizing<[u8; 64]> {
    let mut hasher = Blake2b512::new();
    hasher.update(params.lanes().to_le_bytes());
    hasher.update(length(tag));
    for value in [params.memory_kib(), params.passes(), VERSION, VARIANT] {
        hasher.update(value.to_le_bytes());
    }
    for part in [input.password, input.salt, input.secret, input.data] {
        hasher.update(length(part.len()));
        hasher.update(part);
    }
    Zeroizing::new(hasher.finalize().into())
}

/// H': as many bytes as `out` has, more than none.
pub(crate) fn h_prime(out: &mut [u8], parts: &[&[u8]]) -> Result<(), Error> {
    let length = length(out.len());
    if out.len() <= 64 {
        return blake2b(out, &length, parts);
    }
    let mut hasher = Blake2b512::new_with_prefix(length);
    parts.iter().for_each(|part| hasher.update(part));
    let mut v: Zeroizing<[u8; 64]> = Zeroizing::new(hasher.finalize().into());
    let mut rest = out;
    loop {
        let (head, tail) = rest.split_at_mut(32);
        head.copy_from_slice(&v[..32]);
        rest = tail;
        if rest.len() <= 64 {
            return blake2b(rest, &*v, &[]);
        }
        *v = Blake2b512::digest(*v).into();
    }
}

/// BLAKE2b with as many bytes as `out` has, 1 to 64.
fn blake2b(out: &mut [u8], first: &[u8], parts: &[&[u8]]) -> Result<(), Error> {
    let mut hasher = Blake2bVarCore::new(out.len()).map_err(|_| Error::Mistake("a digest of another length"))?;
    let mut buffer = LazyBuffer::default();
    for part in std::iter::once(&first).chain(parts) {
        buffer.digest_blocks(part, |blocks| hasher.update_blocks(blocks));
    }
    let mut whole = Default::default();
    hasher.finalize_variable_core(&mut buffer, &mut whole);
    let whole = Zeroizing::new(<[u8; 64]>::from(whole));
    out.copy_from_slice(&whole[..out.len()]);
    Ok(())
}

/// A length, which was looked at before.
fn length(bytes: usize) -> [u8; 4] {
    u32::try_from(bytes).unwrap_or(u32::MAX).to_le_bytes()
}
