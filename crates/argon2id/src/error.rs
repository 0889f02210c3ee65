//! Why there is no hash.

/// Why there is no hash.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A parameter or a length is beyond what RFC 9106, 3.1, accepts.
    #[error("{what} is {value}; accepted: {least} to {most}")]
    OutOfRange {
        /// What is too small or too large, with its unit.
        what: &'static str,
        /// Its value.
        value: u64,
        /// The least that is accepted.
        least: u64,
        /// The most that is accepted.
        most: u64,
    },
    /// The system does not give the memory.
    #[error("no memory for {kib} KiB more")]
    NoMemory {
        /// What was asked for.
        kib: u32,
        /// What the system says.
        #[source]
        cause: std::io::Error,
    },
    /// The text is no PHC string, or holds a salt or a tag that has no place in one.
    #[error("the PHC string: {0}")]
    Phc(#[from] ::phc::Error),
    /// The PHC string is that of another hash.
    #[error("the PHC string is not of argon2id, version 19, with m, t and p alone")]
    Foreign,
    /// A mistake in this crate, and no hash rather than a wrong one.
    #[error("a mistake in argon2id: {0}")]
    Mistake(&'static str),
}

impl Error {
    /// Holds a value against what is accepted.
    pub(crate) fn unless(what: &'static str, value: u64, least: u64, most: u64) -> Result<(), Error> {
        match (least..=most).contains(&value) {
            true => Ok(()),
            false => Err(Error::OutOfRange { what, value, least, most }),
        }
    }
}
