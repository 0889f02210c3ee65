//! For any CPU.

use crate::block::{Block, place};
use crate::segment::Ahead;

fn mul_add(a: u64, b: u64) -> u64 {
    let product = (a & 0xffff_ffff) * (b & 0xffff_ffff);
    a.wrapping_add(b).wrapping_add(product << 1)
}

fn mix(s: &mut [u64; 128], [a, b, c, d]: [usize; 4]) {
    s[a] = mul_add(s[a], s[b]);
    s[d] = (s[d] ^ s[a]).rotate_right(32);
    s[c] = mul_add(s[c], s[d]);
    s[b] = (s[b] ^ s[c]).rotate_right(24);
    s[a] = mul_add(s[a], s[b]);
    s[d] = (s[d] ^ s[a]).rotate_right(16);
    s[c] = mul_add(s[c], s[d]);
    s[b] = (s[b] ^ s[c]).rotate_right(63);
}

/// A round over the sixteen words that `at` finds.
#[inline(always)]
fn round(s: &mut [u64; 128], at: impl Fn(usize) -> usize) {
    for i in 0..4 {
        mix(s, [at(i), at(4 + i), at(8 + i), at(12 + i)]);
    }
    for i in 0..4 {
        mix(s, [at(i), at(4 + (i + 1) % 4), at(8 + (i + 2) % 4), at(12 + (i + 3) % 4)]);
    }
}

pub(super) fn compress(
    previous: &Block,
    reference: &Block,
    current: &mut Block,
    add: bool,
    ahead: Option<&mut Ahead<'_>>,
) {
    let r: [u64; 128] = std::array::from_fn(|i| previous[i] ^ reference[i]);
    let mut s = r;
    for row in 0..8 {
        round(&mut s, |i| place(row * 16 + i));
    }
    for column in 0..8 {
        round(&mut s, |i| place(i / 2 * 16 + column * 2 + i % 2));
    }
    for (i, word) in current.iter_mut().enumerate() {
        let new = s[i] ^ r[i];
        *word = if add { *word ^ new } else { new };
    }
    if let Some(ahead) = ahead {
        ahead.find(current[0]);
    }
}
