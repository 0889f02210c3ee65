//! AVX2: thirty-two registers' worth of block, in the order of memory.

#![expect(clippy::needless_range_loop, reason = "registers of several quarters turn together")]

use std::arch::x86_64::*;
use std::hint::black_box;

use fearless_simd::{Avx2, prelude::*, u8x32, u64x4};

use crate::block::Block;
use crate::segment::Ahead;

type V = __m256i;

/// Bytes for `vpshufb` that turn each word right by 24 and by 16 bits.
static TURNS: [[u8; 32]; 2] = [
    [3, 4, 5, 6, 7, 0, 1, 2, 11, 12, 13, 14, 15, 8, 9, 10, 3, 4, 5, 6, 7, 0, 1, 2, 11, 12, 13, 14, 15, 8, 9, 10],
    [2, 3, 4, 5, 6, 7, 0, 1, 10, 11, 12, 13, 14, 15, 8, 9, 2, 3, 4, 5, 6, 7, 0, 1, 10, 11, 12, 13, 14, 15, 8, 9],
];

#[inline]
#[target_feature(enable = "avx2")]
fn load(token: Avx2, block: &Block, i: usize) -> V {
    u64x4::load_array(token, block.as_chunks().0[i]).into()
}

#[inline]
#[target_feature(enable = "avx2")]
fn store(token: Avx2, block: &mut Block, i: usize, v: V) {
    u64x4::simd_from(token, v).store_array(&mut block.as_chunks_mut().0[i]);
}

#[inline]
#[target_feature(enable = "avx2")]
fn mul_add(a: &mut [V; 8], b: &[V; 8]) {
    for (a, b) in a.iter_mut().zip(b) {
        let product = _mm256_mul_epu32(*a, *b);
        *a = _mm256_add_epi64(_mm256_add_epi64(*a, *b), _mm256_add_epi64(product, product));
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn xor_ror(a: &mut [V; 8], b: &[V; 8], ror: impl Fn(V) -> V) {
    for (a, b) in a.iter_mut().zip(b) {
        *a = ror(_mm256_xor_si256(*a, *b));
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn mix([a, b, c, d]: &mut [[V; 8]; 4], turns: [V; 2]) {
    mul_add(a, b);
    xor_ror(d, a, |x| _mm256_shuffle_epi32::<0xb1>(x));
    mul_add(c, d);
    xor_ror(b, c, |x| _mm256_shuffle_epi8(x, turns[0]));
    mul_add(a, b);
    xor_ror(d, a, |x| _mm256_shuffle_epi8(x, turns[1]));
    mul_add(c, d);
    xor_ror(b, c, |x| _mm256_or_si256(_mm256_srli_epi64::<63>(x), _mm256_add_epi64(x, x)));
}

/// Over rows: each register turns. What turns is all but `b`, which is ready last.
#[inline]
#[target_feature(enable = "avx2")]
fn row_round(s: &mut [[V; 8]; 4], turns: [V; 2]) {
    mix(s, turns);
    for i in 0..8 {
        s[0][i] = _mm256_permute4x64_epi64::<0x93>(s[0][i]);
        s[2][i] = _mm256_permute4x64_epi64::<0x39>(s[2][i]);
        s[3][i] = _mm256_permute4x64_epi64::<0x4e>(s[3][i]);
    }
    mix(s, turns);
    for i in 0..8 {
        s[0][i] = _mm256_permute4x64_epi64::<0x39>(s[0][i]);
        s[2][i] = _mm256_permute4x64_epi64::<0x93>(s[2][i]);
        s[3][i] = _mm256_permute4x64_epi64::<0x4e>(s[3][i]);
    }
}

/// Over columns: the four words are two of the upper row and two of the lower one.
#[inline]
#[target_feature(enable = "avx2")]
fn column_round(s: &mut [[V; 8]; 4], turns: [V; 2]) {
    mix(s, turns);
    for i in (0..8).step_by(2) {
        (s[0][i], s[0][i + 1]) = turned(s[0][i + 1], s[0][i]);
        (s[2][i], s[2][i + 1]) = turned(s[2][i], s[2][i + 1]);
        s[3].swap(i, i + 1);
    }
    mix(s, turns);
    for i in (0..8).step_by(2) {
        (s[0][i], s[0][i + 1]) = turned(s[0][i], s[0][i + 1]);
        (s[2][i], s[2][i + 1]) = turned(s[2][i + 1], s[2][i]);
        s[3].swap(i, i + 1);
    }
}

/// `b`'s lower words after `a`'s upper ones, and the reverse.
#[inline]
#[target_feature(enable = "avx2")]
fn turned(a: V, b: V) -> (V, V) {
    (_mm256_alignr_epi8::<8>(b, a), _mm256_alignr_epi8::<8>(a, b))
}

fearless_simd::kernel! {
    pub(super) fn compress(
        token: Avx2,
        previous: &Block,
        reference: &Block,
        current: &mut Block,
        add: bool,
        ahead: Option<&mut Ahead<'_>>
    ) {
        // Hidden from the compiler, which would make two instructions of each turn.
        let turns = black_box(TURNS).map(|bytes| u8x32::load_array(token, bytes).into());
        let r: [V; 32] = std::array::from_fn(|i| _mm256_xor_si256(load(token, previous, i), load(token, reference, i)));
        let mut rows: [[V; 8]; 4] =
            std::array::from_fn(|quarter| std::array::from_fn(|row| r[row / 2 * 8 + quarter * 2 + row % 2]));
        row_round(&mut rows, turns);
        let mut columns: [[V; 8]; 4] =
            std::array::from_fn(|pair| std::array::from_fn(|i| rows[i / 2][2 * pair + i % 2]));
        column_round(&mut columns, turns);
        let mut word = _mm_cvtsi128_si64(_mm256_castsi256_si128(columns[0][0])) as u64 ^ previous[0] ^ reference[0];
        if add {
            word ^= current[0];
        }
        if let Some(ahead) = ahead {
            let next = ahead.find(word);
            for line in 0..16 {
                _mm_prefetch::<_MM_HINT_T0>(next.wrapping_byte_add(64 * line).cast());
            }
        }
        // Hidden, or it keeps in memory what it has read before: there are no registers for it.
        let (previous, reference) = black_box((previous, reference));
        for (i, mixed) in columns.as_flattened().iter().enumerate() {
            let new = _mm256_xor_si256(_mm256_xor_si256(*mixed, load(token, previous, i)), load(token, reference, i));
            store(token, current, i, if add { _mm256_xor_si256(new, load(token, current, i)) } else { new });
        }
    }
}
