//! Parameters and input, and what RFC 9106, 3.1, accepts of them.

use crate::Error;

const MOST: u64 = u32::MAX as u64;
const MOST_LANES: u64 = (1 << 24) - 1;

/// The cost of a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Params {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

impl Params {
    /// `memory_kib` KiB of memory (m), `passes` over it (t), in `lanes` (p).
    ///
    /// # Errors
    /// Less than one pass or lane, more than 2^24 - 1 lanes, or less than 8 KiB for each lane.
    pub fn new(memory_kib: u32, passes: u32, lanes: u32) -> Result<Self, Error> {
        Error::unless("the number of passes", passes.into(), 1, MOST)?;
        Error::unless("the number of lanes", lanes.into(), 1, MOST_LANES)?;
        Error::unless("the memory in KiB", memory_kib.into(), 8 * u64::from(lanes), MOST)?;
        Ok(Params { memory_kib, passes, lanes })
    }

    /// The memory in KiB.
    #[must_use]
    pub fn memory_kib(&self) -> u32 {
        self.memory_kib
    }

    /// How often it is gone over.
    #[must_use]
    pub fn passes(&self) -> u32 {
        self.passes
    }

    /// The number of lanes.
    #[must_use]
    pub fn lanes(&self) -> u32 {
        self.lanes
    }

    /// Blocks of a segment, the quarter of a lane.
    pub(crate) fn segment(&self) -> usize {
        (self.memory_kib / (4 * self.lanes)) as usize
    }

    /// Blocks of a lane.
    pub(crate) fn lane(&self) -> usize {
        4 * self.segment()
    }

    /// All blocks: the memory, less what does not divide by four segments of each lane.
    pub(crate) fn blocks(&self) -> usize {
        self.lane() * self.lanes as usize
    }
}

/// What is hashed.
#[derive(Clone, Copy, Default)]
pub struct Input<'a> {
    /// The password.
    pub password: &'a [u8],
    /// The salt, another one for each hash: 8 bytes or more, best 16 random ones.
    pub salt: &'a [u8],
    /// A secret that is not stored with the hashes ("pepper"), or nothing.
    pub secret: &'a [u8],
    /// Whatever else the hash shall depend on, or nothing.
    pub data: &'a [u8],
}

impl Input<'_> {
    /// Looks at the lengths. That a salt has 8 bytes is not in RFC 9106, but no other implementation takes less.
    pub(crate) fn check(&self, tag: usize) -> Result<(), Error> {
        Error::unless("the length of the password in bytes", self.password.len() as u64, 0, MOST)?;
        Error::unless("the length of the salt in bytes", self.salt.len() as u64, 8, MOST)?;
        Error::unless("the length of the secret in bytes", self.secret.len() as u64, 0, MOST)?;
        Error::unless("the length of the associated data in bytes", self.data.len() as u64, 0, MOST)?;
        Error::unless("the length of the tag in bytes", tag as u64, 4, MOST)
    }
}
