//! The order in which blocks are made (RFC 9106, 3.2, steps 5 and 6), and the words that say what they refer to (3.4.1).

use crate::block::{Block, place};
use crate::digest::VARIANT;
use crate::segment::{Ahead, Segment};
use crate::{Error, Kernel, Params};

/// Fills the memory, whose first two blocks of each lane are there.
pub(crate) fn fill(kernel: Kernel, params: &Params, blocks: &mut [Block]) -> Result<(), Error> {
    for pass in 0..params.passes() as usize {
        for slice in 0..4 {
            for lane in 0..params.lanes() as usize {
                fill_segment(&Segment { params, pass, slice, lane }, kernel, blocks)?;
            }
        }
    }
    Ok(())
}

fn fill_segment(segment: &Segment<'_>, kernel: Kernel, blocks: &mut [Block]) -> Result<(), Error> {
    let first = if segment.pass == 0 && segment.slice == 0 { 2 } else { 0 };
    let (mut previous, base) = (segment.before(first), segment.base());
    let mut addresses = (segment.pass == 0 && segment.slice < 2).then(|| Addresses::new(segment));
    let word = match &mut addresses {
        Some(addresses) => addresses.word(kernel, first),
        None => blocks[previous][0],
    };
    let mut refer = segment.refer(word, first);
    for index in first..segment.params.segment() {
        let current = base + index;
        let known = addresses.as_mut().map(|addresses| addresses.word(kernel, index + 1));
        let mut ahead = Ahead { segment, index: index + 1, known, start: blocks.as_ptr(), next: 0 };
        let three = blocks.get_disjoint_mut([previous, refer, current]);
        // A block is not in the set that it may refer to, nor is the one before it.
        let [previous_block, refer_block, current_block] = three.map_err(|_| Error::Mistake("blocks overlap"))?;
        kernel.compress(previous_block, refer_block, current_block, segment.pass > 0, Some(&mut ahead));
        refer = ahead.next;
        previous = current;
    }
    Ok(())
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
