//! AVX-512F: sixteen registers hold the block.
//!
//! A register has the same four words of two neighbouring rows: `s[4 * pair + quarter]`. So the words that a round
//! mixes are in the same place of four registers, in the rounds over rows and in those over columns.

#![expect(clippy::needless_range_loop, reason = "registers of several quarters turn together")]

use std::arch::x86_64::*;
use std::hint::black_box;

use fearless_simd::{Avx512, prelude::*, u64x8};

use crate::block::Block;
use crate::segment::Ahead;

type V = __m512i;

#[inline]
#[target_feature(enable = "avx512f")]
fn load(token: Avx512, block: &Block, i: usize) -> V {
    u64x8::load_array(token, block.as_chunks().0[i]).into()
}

#[inline]
#[target_feature(enable = "avx512f")]
fn store(token: Avx512, block: &mut Block, i: usize, v: V) {
    u64x8::simd_from(token, v).store_array(&mut block.as_chunks_mut().0[i]);
}

#[inline]
#[target_feature(enable = "avx512f")]
fn mul_add(a: &mut [V; 4], b: &[V; 4]) {
    for (a, b) in a.iter_mut().zip(b) {
        let product = _mm512_mul_epu32(*a, *b);
        *a = _mm512_add_epi64(_mm512_add_epi64(*a, *b), _mm512_add_epi64(product, product));
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn xor_ror<const BITS: i32>(a: &mut [V; 4], b: &[V; 4]) {
    for (a, b) in a.iter_mut().zip(b) {
        *a = _mm512_ror_epi64::<BITS>(_mm512_xor_si512(*a, *b));
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn mix([a, b, c, d]: &mut [[V; 4]; 4]) {
    mul_add(a, b);
    xor_ror::<32>(d, a);
    mul_add(c, d);
    xor_ror::<24>(b, c);
    mul_add(a, b);
    xor_ror::<16>(d, a);
    mul_add(c, d);
    xor_ror::<63>(b, c);
}

/// Over rows: the four words of each half turn. What turns is all but `b`, which is ready last.
#[inline]
#[target_feature(enable = "avx512f")]
fn row_round(s: &mut [[V; 4]; 4]) {
    mix(s);
    for i in 0..4 {
        s[0][i] = _mm512_permutex_epi64::<0x93>(s[0][i]);
        s[2][i] = _mm512_permutex_epi64::<0x39>(s[2][i]);
        s[3][i] = _mm512_permutex_epi64::<0x4e>(s[3][i]);
    }
    mix(s);
    for i in 0..4 {
        s[0][i] = _mm512_permutex_epi64::<0x39>(s[0][i]);
        s[2][i] = _mm512_permutex_epi64::<0x93>(s[2][i]);
        s[3][i] = _mm512_permutex_epi64::<0x4e>(s[3][i]);
    }
}

/// Over columns: the four words are two of the upper row and two of the lower one.
#[inline]
#[target_feature(enable = "avx512f")]
fn column_round(s: &mut [[V; 4]; 4]) {
    let next = _mm512_setr_epi64(1, 4, 3, 6, 5, 0, 7, 2);
    let last = _mm512_setr_epi64(5, 0, 7, 2, 1, 4, 3, 6);
    mix(s);
    for i in 0..4 {
        s[0][i] = _mm512_permutexvar_epi64(last, s[0][i]);
        s[2][i] = _mm512_permutexvar_epi64(next, s[2][i]);
        s[3][i] = _mm512_shuffle_i64x2::<0x4e>(s[3][i], s[3][i]);
    }
    mix(s);
    for i in 0..4 {
        s[0][i] = _mm512_permutexvar_epi64(next, s[0][i]);
        s[2][i] = _mm512_permutexvar_epi64(last, s[2][i]);
        s[3][i] = _mm512_shuffle_i64x2::<0x4e>(s[3][i], s[3][i]);
    }
}

fearless_simd::kernel! {
    pub(super) fn compress(
        token: Avx512,
        previous: &Block,
        reference: &Block,
        current: &mut Block,
        add: bool,
        ahead: Option<&mut Ahead<'_>>
    ) {
        let r: [V; 16] = std::array::from_fn(|i| _mm512_xor_si512(load(token, previous, i), load(token, reference, i)));
        let mut rows: [[V; 4]; 4] = std::array::from_fn(|quarter| std::array::from_fn(|pair| r[4 * pair + quarter]));
        row_round(&mut rows);
        let mut columns: [[V; 4]; 4] = std::array::from_fn(|pair| std::array::from_fn(|quarter| rows[quarter][pair]));
        column_round(&mut columns);
        let mut word = _mm_cvtsi128_si64(_mm512_castsi512_si128(columns[0][0])) as u64 ^ previous[0] ^ reference[0];
        if add {
            word ^= current[0];
        }
        if let Some(ahead) = ahead {
            let next = ahead.find(word);
            for line in 0..16 {
                _mm_prefetch::<_MM_HINT_T0>(next.wrapping_byte_add(64 * line).cast());
            }
        }
        // Hidden from the compiler, which would keep in memory what it has read before: there are no registers for it.
        let (previous, reference) = black_box((previous, reference));
        for (i, mixed) in columns.as_flattened().iter().enumerate() {
            let new = _mm512_xor_si512(_mm512_xor_si512(*mixed, load(token, previous, i)), load(token, reference, i));
            store(token, current, i, if add { _mm512_xor_si512(new, load(token, current, i)) } else { new });
        }
    }
}
