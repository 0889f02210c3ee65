//! Argon2id (RFC 9106) over one block of memory that is used again and again.

use argon2::password_hash::phc::{Ident, Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};

use crate::config::PasswordConfig;
use crate::error::Cause;

/// Hashes passwords, one at a time.
pub(super) struct Hasher {
    params: Params,
    memory: Vec<Block>,
}

impl Hasher {
    pub(super) fn new(config: &PasswordConfig) -> Result<Self, argon2::Error> {
        let params =
            Params::new(config.memory_kib, config.iterations, config.parallelism, Some(Params::DEFAULT_OUTPUT_LEN))?;
        Ok(Hasher { params, memory: Vec::new() })
    }

    /// The same with memory of its own: the first hash must not find that there is none. Until then it is not touched, so
    /// that an idle service stays small.
    pub(super) fn with_memory(&self) -> Result<Self, String> {
        let mut memory = Vec::new();
        memory.try_reserve_exact(self.params.block_count()).map_err(|_| {
            let size = self.params.m_cost();
            format!("no memory for {size} KiB more: lower password_hash_workers or password_argon2_memory_kib")
        })?;
        Ok(Hasher { params: self.params.clone(), memory })
    }

    /// What a hash may cost before the first one was measured: some half a nanosecond a byte and pass.
    pub(super) fn first_guess_nanos(&self) -> u64 {
        u64::from(self.params.m_cost()) * 512 * u64::from(self.params.t_cost())
    }

    /// The hash of a password with a new salt, as a PHC string.
    pub(super) fn hash(&mut self, password: &[u8]) -> Result<String, Cause> {
        self.memory.resize_with(self.params.block_count(), Block::default);
        let mut salt = [0; Salt::RECOMMENDED_LENGTH];
        getrandom::fill(&mut salt)?;
        let mut output = [0; Params::DEFAULT_OUTPUT_LEN];
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, self.params.clone());
        argon2.hash_password_into_with_memory(password, &salt, &mut output, &mut self.memory)?;
        self.phc_string(&salt, &output)
    }

    fn phc_string(&self, salt: &[u8], output: &[u8]) -> Result<String, Cause> {
        let hash = PasswordHash {
            algorithm: Ident::new(Algorithm::Argon2id.as_str())?,
            version: Some(Version::V0x13.into()),
            params: ParamsString::try_from(&self.params)?,
            salt: Some(Salt::new(salt)?),
            hash: Some(Output::new(output)?),
        };
        Ok(hash.to_string())
    }
}
