//! The order in which blocks are made, and what each one refers to (RFC 9106, 3.2, steps 5 and 6, and 3.4).

use crate::digest::VARIANT;
use crate::kernel::place;
use crate::{Block, Error, Kernel, Params};

/// Fills the memory, whose first two blocks of each lane are there.
pub(crate) fn fill(kernel: Kernel, params: &Params, blocks: &mut [Block]) -> Result<(), Error> {
    for pass in 0..params.passes() as usize {
        for slice in 0..4 {
            for lane in 0..params.lanes() as usize {
                Segment { params, pass, slice, lane }.fill(kernel, blocks)?;
            }
        }
    }
    Ok(())
}

/// A quarter of a lane in one pass.
struct Segment<'a> {
    params: &'a Params,
    pass: usize,
    slice: usize,
    lane: usize,
}

impl Segment<'_> {
    fn fill(&self, kernel: Kernel, blocks: &mut [Block]) -> Result<(), Error> {
        let first = if self.pass == 0 && self.slice == 0 { 2 } else { 0 };
        let (mut previous, base) = (self.before(first), self.base());
        let mut addresses = (self.pass == 0 && self.slice < 2).then(|| Addresses::new(self));
        let word = match &mut addresses {
            Some(addresses) => addresses.word(kernel, first),
            None => blocks[previous][0],
        };
        let mut refer = self.refer(word, first);
        for index in first..self.params.segment() {
            let current = base + index;
            let known = addresses.as_mut().map(|addresses| addresses.word(kernel, index + 1));
            let mut ahead = Ahead { segment: self, index: index + 1, known, start: blocks.as_ptr(), next: 0 };
            let three = blocks.get_disjoint_mut([previous, refer, current]);
            // A block is not in the set that it may refer to, nor is the one before it.
            let [previous_block, refer_block, current_block] = three.map_err(|_| Error::Mistake("blocks overlap"))?;
            kernel.compress(previous_block, refer_block, current_block, self.pass > 0, Some(&mut ahead));
            refer = ahead.next;
            previous = current;
        }
        Ok(())
    }

    /// Its first block.
    fn base(&self) -> usize {
        self.lane * self.params.lane() + self.slice * self.params.segment()
    }

    /// The block before the one at `index`; before the first of a lane comes the last.
    fn before(&self, index: usize) -> usize {
        let (start, current) = (self.lane * self.params.lane(), self.base() + index);
        if current == start { start + self.params.lane() - 1 } else { current - 1 }
    }

    /// The block that the one at `index` refers to, by the word that decides it (3.4.1.3 and 3.4.2).
    #[inline(always)]
    fn refer(&self, word: u64, index: usize) -> usize {
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
    segment: &'a Segment<'a>,
    index: usize,
    known: Option<u64>,
    start: *const Block,
    next: usize,
}

impl Ahead<'_> {
    /// Where it is, to be prefetched.
    #[inline(always)]
    pub(crate) fn find(&mut self, word: u64) -> *const Block {
        self.next = self.segment.refer(self.known.unwrap_or(word), self.index);
        self.start.wrapping_add(self.next)
    }
}

/// The words of a segment that do not depend on the password (3.4.1.2).
struct Addresses {
    input: Aligned,
    words: Aligned,
    fresh: bool,
}

/// As blocks in pages are.
#[repr(align(64))]
struct Aligned(Block);

impl Addresses {
    fn new(of: &Segment<'_>) -> Self {
        let mut input = [0; 128];
        let (blocks, passes) = (of.params.blocks(), of.params.passes() as usize);
        for (i, value) in [of.pass, of.lane, of.slice, blocks, passes, VARIANT as usize].into_iter().enumerate() {
            input[place(i)] = value as u64;
        }
        Addresses { input: Aligned(input), words: Aligned([0; 128]), fresh: false }
    }

    /// The word for the block at `index`. A block of words is made for each 128, and for where a segment begins.
    fn word(&mut self, kernel: Kernel, index: usize) -> u64 {
        if !self.fresh || index.is_multiple_of(128) {
            self.fresh = true;
            self.input.0[place(6)] += 1;
            let (zero, mut middle) = (Aligned([0; 128]), Aligned([0; 128]));
            kernel.compress(&zero.0, &self.input.0, &mut middle.0, false, None);
            kernel.compress(&zero.0, &middle.0, &mut self.words.0, false, None);
        }
        self.words.0[place(index % 128)]
    }
}
