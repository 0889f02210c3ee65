//! A block, and the order of its words.

/// 1 KiB as 128 words, in the order of [`place`].
pub(crate) type Block = [u64; 128];

/// The same as bytes.
pub(crate) type Bytes = [u8; 1024];

/// Where a block keeps word `i`: after each four words of an even row, those below them.
#[inline(always)]
pub(crate) fn place(i: usize) -> usize {
    let (row, word) = (i / 16, i % 16);
    row / 2 * 32 + word / 4 * 8 + row % 2 * 4 + word % 4
}
