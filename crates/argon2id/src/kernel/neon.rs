//! NEON: two words in a register.

#![expect(clippy::needless_range_loop, reason = "registers of several quarters turn together")]

use std::arch::aarch64::*;

use fearless_simd::{Neon, prelude::*, u64x2};

use crate::block::Block;
use crate::segment::Ahead;

type V = uint64x2_t;

/// As many registers of each quarter as are mixed at once.
const N: usize = 4;

#[inline]
#[target_feature(enable = "neon")]
fn load(token: Neon, block: &Block, i: usize) -> V {
    u64x2::load_array(token, block.as_chunks().0[i]).into()
}

#[inline]
#[target_feature(enable = "neon")]
fn store(token: Neon, block: &mut Block, i: usize, v: V) {
    u64x2::simd_from(token, v).store_array(&mut block.as_chunks_mut().0[i]);
}

#[inline]
#[target_feature(enable = "neon")]
fn mul_add(a: &mut [V; N], b: &[V; N]) {
    for (a, b) in a.iter_mut().zip(b) {
        let product = vmull_u32(vmovn_u64(*a), vmovn_u64(*b));
        *a = vaddq_u64(vaddq_u64(*a, *b), vaddq_u64(product, product));
    }
}

#[inline]
#[target_feature(enable = "neon")]
fn xor_ror(a: &mut [V; N], b: &[V; N], ror: impl Fn(V) -> V) {
    for (a, b) in a.iter_mut().zip(b) {
        *a = ror(veorq_u64(*a, *b));
    }
}

#[inline]
#[target_feature(enable = "neon")]
fn mix([a, b, c, d]: &mut [[V; N]; 4]) {
    mul_add(a, b);
    xor_ror(d, a, |x| vreinterpretq_u64_u32(vrev64q_u32(vreinterpretq_u32_u64(x))));
    mul_add(c, d);
    xor_ror(b, c, |x| vsriq_n_u64::<24>(vshlq_n_u64::<40>(x), x));
    mul_add(a, b);
    xor_ror(d, a, |x| vsriq_n_u64::<16>(vshlq_n_u64::<48>(x), x));
    mul_add(c, d);
    xor_ror(b, c, |x| vsriq_n_u64::<63>(vaddq_u64(x, x), x));
}

/// A round over the registers that `at` finds, by quarter.
#[inline]
#[target_feature(enable = "neon")]
fn round(s: &mut [V; 64], at: impl Fn(usize, usize) -> usize) {
    let mut q: [[V; N]; 4] = std::array::from_fn(|quarter| std::array::from_fn(|i| s[at(quarter, i)]));
    mix(&mut q);
    for i in (0..N).step_by(2) {
        (q[0][i], q[0][i + 1]) = turned(q[0][i + 1], q[0][i]);
        (q[2][i], q[2][i + 1]) = turned(q[2][i], q[2][i + 1]);
        q[3].swap(i, i + 1);
    }
    mix(&mut q);
    for i in (0..N).step_by(2) {
        (q[0][i], q[0][i + 1]) = turned(q[0][i], q[0][i + 1]);
        (q[2][i], q[2][i + 1]) = turned(q[2][i + 1], q[2][i]);
        q[3].swap(i, i + 1);
    }
    for quarter in 0..4 {
        for i in 0..N {
            s[at(quarter, i)] = q[quarter][i];
        }
    }
}

/// `b`'s lower word after `a`'s upper one, and the reverse.
#[inline]
#[target_feature(enable = "neon")]
fn turned(a: V, b: V) -> (V, V) {
    (vextq_u64::<1>(a, b), vextq_u64::<1>(b, a))
}

fearless_simd::kernel! {
    pub(super) fn compress(
        token: Neon,
        previous: &Block,
        reference: &Block,
        current: &mut Block,
        add: bool,
        ahead: Option<&mut Ahead<'_>>
    ) {
        let mut s: [V; 64] = std::array::from_fn(|i| veorq_u64(load(token, previous, i), load(token, reference, i)));
        for pair in 0..4 {
            round(&mut s, |quarter, i| pair * 16 + quarter * 4 + i);
        }
        for quarter in 0..4 {
            // Two columns at once.
            round(&mut s, |pair, i| pair * 16 + quarter * 4 + i % 2 * 2 + i / 2);
        }
        let mut word = vgetq_lane_u64::<0>(s[0]) ^ previous[0] ^ reference[0];
        if add {
            word ^= current[0];
        }
        if let Some(ahead) = ahead {
            ahead.find(word);
        }
        for (i, mixed) in s.iter().enumerate() {
            let new = veorq_u64(veorq_u64(*mixed, load(token, previous, i)), load(token, reference, i));
            store(token, current, i, if add { veorq_u64(new, load(token, current, i)) } else { new });
        }
    }
}
