//! What the system lets this process have, held against what the settings may come to need. A service that has too little
//! says so before it serves, and not in the middle of a request.

mod descriptors;
mod memory;
mod threads;
mod too_little;

pub use self::descriptors::Descriptors;
use self::memory::Memory;
pub use self::threads::Threads;
pub use self::too_little::TooLittle;
use crate::config::Config;

/// What the service may use of it.
pub struct Limits {
    /// Open files, among them connections.
    pub descriptors: Descriptors,
    /// Threads.
    pub threads: Threads,
}

impl Limits {
    /// Raises what may be raised, and looks whether the least that is needed is there.
    ///
    /// # Errors
    /// When it is not; how much is missing, and what to do.
    pub fn secure(config: &Config) -> Result<Self, TooLittle> {
        let descriptors = Descriptors::secure(config)?;
        let threads = Threads::of(config);
        Memory::of(config, &threads, &descriptors).check()?;
        threads.rehearse()?;
        Ok(Limits { descriptors, threads })
    }
}
