//! The compression G of RFC 9106, 3.5 and 3.6, for the CPU at hand.
//!
//! All kernels do the same in the same order: rows, columns, the first word for [`Ahead`], then the block. They are
//! written out one by one although they look alike, since what they could share costs 10 to 60 % of the speed, in
//! silence: closures and indices that are not gone after inlining, a second look at what is in registers. `make bench`
//! sees it.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;

use std::fmt;

use fearless_simd::Level;

use crate::block::Block;
use crate::segment::Ahead;

/// The compression with certain instructions. There is one only where this CPU has them.
#[derive(Clone, Copy)]
pub struct Kernel(Instructions);

#[derive(Clone, Copy)]
enum Instructions {
    #[cfg(target_arch = "x86_64")]
    Avx512(fearless_simd::Avx512),
    #[cfg(target_arch = "x86_64")]
    Avx2(fearless_simd::Avx2),
    #[cfg(target_arch = "aarch64")]
    Neon(fearless_simd::Neon),
    Portable,
}

/// What a kernel is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KernelName {
    /// AVX-512, of Ice Lake and Zen 4 or later.
    Avx512,
    /// AVX2, of x86-64 since 2013.
    Avx2,
    /// NEON, of 64-bit ARM.
    Neon,
    /// No instructions but those that every CPU has.
    Portable,
}

impl KernelName {
    /// `avx512`, `avx2`, `neon` or `portable`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            KernelName::Avx512 => "avx512",
            KernelName::Avx2 => "avx2",
            KernelName::Neon => "neon",
            KernelName::Portable => "portable",
        }
    }
}

impl fmt::Display for KernelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name().as_str())
    }
}

impl Kernel {
    /// The fastest one that works here.
    #[must_use]
    pub fn best() -> Self {
        Self::all().next().unwrap_or(Kernel(Instructions::Portable))
    }

    /// All that work here, the fastest first.
    pub fn all() -> impl Iterator<Item = Self> {
        let level = Level::new();
        [
            #[cfg(target_arch = "x86_64")]
            level.as_avx512().map(Instructions::Avx512),
            #[cfg(target_arch = "x86_64")]
            level.as_avx2().map(Instructions::Avx2),
            #[cfg(target_arch = "aarch64")]
            level.as_neon().map(Instructions::Neon),
            Some(Instructions::Portable),
        ]
        .into_iter()
        .flatten()
        .map(Kernel)
    }

    /// What it is called.
    #[must_use]
    pub fn name(self) -> KernelName {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx512(_) => KernelName::Avx512,
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx2(_) => KernelName::Avx2,
            #[cfg(target_arch = "aarch64")]
            Instructions::Neon(_) => KernelName::Neon,
            Instructions::Portable => KernelName::Portable,
        }
    }

    /// Makes `current` of `previous` and `reference`, or adds that to it, as passes after the first do. As soon as its
    /// first word is known, `ahead` is told.
    pub(crate) fn compress(
        self,
        previous: &Block,
        reference: &Block,
        current: &mut Block,
        add: bool,
        ahead: Option<&mut Ahead<'_>>,
    ) {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx512(token) => avx512::compress(token, previous, reference, current, add, ahead),
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx2(token) => avx2::compress(token, previous, reference, current, add, ahead),
            #[cfg(target_arch = "aarch64")]
            Instructions::Neon(token) => neon::compress(token, previous, reference, current, add, ahead),
            Instructions::Portable => portable::compress(previous, reference, current, add, ahead),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn block() -> impl Strategy<Value = Block> {
        proptest::array::uniform32(proptest::array::uniform4(any::<u64>()))
            .prop_map(|quads| std::array::from_fn(|i| quads[i / 4][i % 4]))
    }

    #[test]
    fn portable_is_always_there() {
        let all: Vec<_> = Kernel::all().collect();
        assert!(matches!(all.last(), Some(Kernel(Instructions::Portable))));
    }

    fn config() -> ProptestConfig {
        let cases = if cfg!(miri) { 4 } else { 256 };
        ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
    }

    proptest! {
        #![proptest_config(config())]
        #[test]
        fn kernels_agree(previous in block(), reference in block(), current in block(), add: bool) {
            let mut want = current;
            portable::compress(&previous, &reference, &mut want, add, None);
            for kernel in Kernel::all() {
                let mut got = current;
                kernel.compress(&previous, &reference, &mut got, add, None);
                prop_assert_eq!(got, want, "{:?}", kernel);
            }
        }
    }
}
