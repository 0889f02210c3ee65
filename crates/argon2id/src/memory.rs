//! The memory that a hash fills, straight from the system.

use bytemuck::try_cast_slice_mut;
use memmap2::MmapMut;
use zeroize::Zeroize;

use crate::block::Block;
use crate::{Error, Params};

/// Memory to hash in, to be used again and again.
///
/// What is reserved is address space; RAM is taken by the first hash. It is in pages of 2 MiB where the system has
/// them, stays out of core dumps, and is wiped before it is given back. Between two hashes it keeps what the last one
/// left, which is as good as a hash that was made with half the passes: to wipe it each time would cost a seventh of a
/// hash.
#[derive(Default)]
pub struct Memory(Option<Pages>);

struct Pages {
    map: MmapMut,
    /// The blocks that hashes have written to.
    used: usize,
}

impl Memory {
    /// Memory for hashes of this cost.
    ///
    /// # Errors
    /// [`Error::NoMemory`] when the system does not give it.
    pub fn reserve(params: &Params) -> Result<Self, Error> {
        Pages::reserve(params).map(|pages| Memory(Some(pages)))
    }

    /// As many blocks as a hash takes, with anything in them.
    pub(crate) fn blocks(&mut self, params: &Params) -> Result<&mut [Block], Error> {
        if self.0.as_ref().is_some_and(|pages| pages.map.len() / size_of::<Block>() < params.blocks()) {
            self.0 = None;
        }
        let pages = match &mut self.0 {
            Some(pages) => pages,
            none => none.insert(Pages::reserve(params)?),
        };
        pages.used = pages.used.max(params.blocks());
        pages.blocks(params.blocks())
    }
}

impl Pages {
    fn reserve(params: &Params) -> Result<Self, Error> {
        let no_memory = |cause| Error::NoMemory { kib: params.memory_kib(), cause };
        let length = params.blocks().checked_mul(size_of::<Block>());
        let length = length.ok_or_else(|| no_memory(std::io::ErrorKind::OutOfMemory.into()))?;
        let map = MmapMut::map_anon(length).map_err(no_memory)?;
        advise(&map);
        Ok(Pages { map, used: 0 })
    }

    fn blocks(&mut self, count: usize) -> Result<&mut [Block], Error> {
        let bytes = self.map.get_mut(..count * size_of::<Block>()).ok_or(Error::Mistake("too few pages"))?;
        try_cast_slice_mut(bytes).map_err(|_| Error::Mistake("pages that are no blocks"))
    }

    /// Pages that no hash has touched stay untouched.
    fn wipe(&mut self) {
        if let Ok(blocks) = self.blocks(self.used) {
            blocks.iter_mut().for_each(Zeroize::zeroize);
        }
    }
}

/// Both are favours, and a hash is the same without them.
fn advise(map: &MmapMut) {
    #[cfg(all(target_os = "linux", not(miri)))]
    for advice in [memmap2::Advice::HugePage, memmap2::Advice::DontDump] {
        let _ = map.advise(advice);
    }
    #[cfg(not(all(target_os = "linux", not(miri))))]
    let _ = map;
}

impl Drop for Pages {
    fn drop(&mut self) {
        self.wipe();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(memory_kib: u32) -> Params {
        Params::new(memory_kib, 1, 1).unwrap()
    }

    #[test]
    fn memory_grows_and_never_shrinks() {
        let mut memory = Memory::default();
        for (asked, had) in [(8, 8), (64, 64), (16, 64)] {
            assert_eq!(memory.blocks(&params(asked)).unwrap().len(), asked as usize);
            assert_eq!(memory.0.as_ref().unwrap().map.len(), 1024 * had);
        }
    }

    #[test]
    fn what_was_used_is_wiped_and_nothing_else() {
        let mut memory = Memory::reserve(&params(64)).unwrap();
        for used in [16, 8] {
            memory.blocks(&params(used)).unwrap().fill([1; 128]);
        }
        let pages = memory.0.as_mut().unwrap();
        pages.blocks(64).unwrap()[16..].fill([2; 128]);
        pages.wipe();
        assert_eq!(pages.blocks(64).unwrap()[..16], [[0; 128]; 16]);
        assert_eq!(pages.blocks(64).unwrap()[16..], [[2; 128]; 48]);
    }
}
