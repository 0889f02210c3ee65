//! argon2id (RFC 9106, version 0x13) with the instructions of the CPU at hand.
//!
//! A hash is made of blocks of 1 KiB, and nearly all of its time goes into the compression that makes one block of two.
//! That has a [`Kernel`] for AVX-512, AVX2, NEON and any other CPU; which one is used is found at run time. Everything
//! else is the same for all.
//!
//! ```
//! use argon2id::{Input, Kernel, Memory, Params, hash, phc};
//!
//! # fn main() -> Result<(), argon2id::Error> {
//! let params = Params::new(19_456, 2, 1)?;
//! let mut memory = Memory::reserve(&params)?;
//! let input = Input { password: b"correct horse", salt: b"16 random bytes.", ..Input::default() };
//! let mut tag = [0; 32];
//! hash(Kernel::best(), &params, &input, &mut memory, &mut tag)?;
//! let stored = phc::write(&params, input.salt, &tag)?;
//! assert!(phc::verify(Kernel::best(), &stored, b"correct horse", &[], &mut memory)?);
//! # Ok(())
//! # }
//! ```
//!
//! # What it does and does not
//!
//! - Any number of lanes, one after the other on the thread that asks: the tag is that of RFC 9106, and a service that
//!   hashes for many has a thread for each hash anyway.
//! - A secret and associated data ([`Input`]), and PHC strings ([`phc`]).
//! - Nothing panics, whatever the input. Parameters and lengths beyond RFC 9106, 3.1, are an [`Error`], and so is
//!   memory that the system does not give.
//! - [`Memory`] and the digests on the way are wiped. What the compiler keeps in registers or on the stack for a moment
//!   is not, nor are password and tag, which are the caller's.
//! - In the second half of the first pass and in all later ones the password decides which memory is read. Who can
//!   watch the caches learns of it; argon2id accepts that, for the sake of what it costs to guess (RFC 9106, 3.4.1.3
//!   and 7.2).
//! - No argon2d, no argon2i, no version 0x10: the `argon2` crate has them.
//!
//! There is no `unsafe` in it: `fearless_simd` finds the instructions and loads, `memmap2` asks for pages, `bytemuck`
//! sees words in bytes. Its results are held against the vectors of RFC 9106 and of the reference, and, each kernel by
//! itself, against the `argon2` crate. Nobody has audited it.
//!
//! # Sources
//!
//! - [RFC 9106](https://www.rfc-editor.org/rfc/rfc9106): 3.1 parameters, 3.2 the whole (`hash`), 3.3 the hash H'
//!   (`digest`), 3.4 which block refers to which (`segment`, `fill`), 3.5 and 3.6 the compression (`kernel`).
//! - [The reference](https://github.com/P-H-C/phc-winner-argon2), for its known answers.
//! - [PHC string format](https://github.com/P-H-C/phc-string-format/blob/master/phc-sf-spec.md).

#![forbid(unsafe_code)]

mod block;
mod digest;
mod error;
mod fill;
mod kernel;
mod memory;
mod params;
pub mod phc;
mod segment;

pub use error::Error;
pub use kernel::{Kernel, KernelName};
pub use memory::Memory;
pub use params::{Input, Params};

use zeroize::Zeroizing;

use block::{Block, Bytes, place};

/// Hashes `input` into `tag`, which is as long as the hash shall be: 4 bytes or more, 32 for a password.
///
/// `memory` grows where it is too small for `params`.
///
/// # Errors
/// A length that RFC 9106 does not accept, or memory that the system does not give. `tag` is then not to be used.
pub fn hash(
    kernel: Kernel,
    params: &Params,
    input: &Input<'_>,
    memory: &mut Memory,
    tag: &mut [u8],
) -> Result<(), Error> {
    input.check(tag.len())?;
    let blocks = memory.blocks(params)?;
    begin_lanes(params, blocks, &digest::h0(params, input, tag.len()))?;
    fill::fill(kernel, params, blocks)?;
    digest::h_prime(tag, &[&*end(params, blocks)])
}

/// The first two blocks of each lane (RFC 9106, 3.2, steps 3 and 4).
fn begin_lanes(params: &Params, blocks: &mut [Block], h0: &[u8; 64]) -> Result<(), Error> {
    let mut bytes: Zeroizing<Bytes> = Zeroizing::new([0; 1024]);
    for (lane, blocks) in (0_u32..).zip(blocks.chunks_exact_mut(params.lane())) {
        for (column, block) in (0_u32..2).zip(blocks) {
            digest::h_prime(&mut *bytes, &[h0, &column.to_le_bytes(), &lane.to_le_bytes()])?;
            for (i, word) in bytes.as_chunks().0.iter().enumerate() {
                block[place(i)] = u64::from_le_bytes(*word);
            }
        }
    }
    Ok(())
}

/// The last blocks of all lanes, one on the other (RFC 9106, 3.2, step 7).
fn end(params: &Params, blocks: &[Block]) -> Zeroizing<Bytes> {
    let mut last: Zeroizing<Block> = Zeroizing::new([0; 128]);
    for block in blocks.chunks_exact(params.lane()).filter_map(<[Block]>::last) {
        for (word, other) in last.iter_mut().zip(block) {
            *word ^= other;
        }
    }
    let mut bytes: Zeroizing<Bytes> = Zeroizing::new([0; 1024]);
    for (i, word) in bytes.as_chunks_mut().0.iter_mut().enumerate() {
        *word = last[place(i)].to_le_bytes();
    }
    bytes
}
