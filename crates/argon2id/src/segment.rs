//! Where the blocks of a segment are, and what each one refers to (RFC 9106, 3.4.1.3 and 3.4.2).

use crate::Params;
use crate::block::Block;

/// A quarter of a lane in one pass.
pub(crate) struct Segment<'a> {
    pub(crate) params: &'a Params,
    pub(crate) pass: usize,
    pub(crate) slice: usize,
    pub(crate) lane: usize,
}

impl Segment<'_> {
    /// Its first block.
    pub(crate) fn base(&self) -> usize {
        self.lane * self.params.lane() + self.slice * self.params.segment()
    }

    /// The block before the one at `index`; before the first of a lane comes the last.
    pub(crate) fn before(&self, index: usize) -> usize {
        let (start, current) = (self.lane * self.params.lane(), self.base() + index);
        if current == start { start + self.params.lane() - 1 } else { current - 1 }
    }

    /// The block that the one at `index` refers to, by the word that decides it (3.4.1.3 and 3.4.2).
    #[inline(always)]
    pub(crate) fn refer(&self, word: u64, index: usize) -> usize {
        let (length, segment, lanes) = (self.params.lane(), self.params.segment(), self.params.lanes() as usize);
        let first = self.pass == 0 && self.slice == 0;
        let lane = if first || lanes == 1 { self.lane } else { (word >> 32) as usize % lanes };
        let whole = if self.pass == 0 { self.slice * segment } else { length - segment };
        let area = if lane == self.lane { whole + index - 1 } else { whole - usize::from(index == 0) };
        let x = word & 0xffff_ffff;
        let back = ((area as u64 * ((x * x) >> 32)) >> 32) as usize;
        let start = if self.pass == 0 || self.slice == 3 { 0 } else { (self.slice + 1) * segment };
        let position = start + area - 1 - back;
        lane * length + if position < length { position } else { position - length }
    }
}

/// What the block after the current one refers to, found as early as the current one's first word is known.
pub(crate) struct Ahead<'a> {
    pub(crate) segment: &'a Segment<'a>,
    pub(crate) index: usize,
    pub(crate) known: Option<u64>,
    pub(crate) start: *const Block,
    pub(crate) next: usize,
}

impl Ahead<'_> {
    /// Where it is, to be prefetched.
    #[inline(always)]
    pub(crate) fn find(&mut self, word: u64) -> *const Block {
        self.next = self.segment.refer(self.known.unwrap_or(word), self.index);
        self.start.wrapping_add(self.next)
    }
}
