//! The hash of a new password, in memory that is used again and again.

use argon2id::{Input, Kernel, KernelName, Memory, Params, phc};

use super::stored::StoredHash;
use crate::config::PasswordConfig;
use crate::error::Cause;
use crate::telemetry::metrics::HashKernel;
use crate::values::Password;

/// As RFC 9106, 3.1, recommends.
const SALT_BYTES: usize = 16;
const TAG_BYTES: usize = 32;

/// Hashes passwords, one at a time.
pub(super) struct Hasher {
    kernel: Kernel,
    params: Params,
    form: Form,
    memory: Memory,
}

/// How new hashes are made.
#[derive(Clone)]
pub(super) struct Form {
    params: Params,
    /// How they all begin.
    head: String,
}

impl Form {
    fn new(params: Params) -> Self {
        let (memory, passes, lanes) = (params.memory_kib(), params.passes(), params.lanes());
        Form { params, head: format!("$argon2id$v=19$m={memory},t={passes},p={lanes}$") }
    }

    pub(super) fn is_of(&self, stored: &StoredHash) -> bool {
        stored.expose().starts_with(&self.head)
    }

    /// A hash that nobody has a password for: what would be computed is random.
    pub(super) fn of_nobody(&self) -> Result<StoredHash, Cause> {
        let (mut salt, mut tag) = ([0; SALT_BYTES], [0; TAG_BYTES]);
        getrandom::fill(&mut salt)?;
        getrandom::fill(&mut tag)?;
        let text = phc::write(&self.params, &salt, &tag)?;
        StoredHash::of_database(&text).map_err(|fault| fault.message.into())
    }
}

impl Hasher {
    pub(super) fn new(config: &PasswordConfig) -> Result<Self, argon2id::Error> {
        let params = Params::new(config.memory_kib, config.iterations, config.parallelism)?;
        let form = Form::new(params);
        Ok(Hasher { kernel: Kernel::best(), params, form, memory: Memory::default() })
    }

    pub(super) fn form(&self) -> &Form {
        &self.form
    }

    /// The same with memory of its own: the first hash must not find that there is none. Until then it is not touched, so
    /// that an idle service stays small.
    pub(super) fn with_memory(&self) -> Result<Self, String> {
        let memory = Memory::reserve(&self.params)
            .map_err(|error| format!("{error}: lower password_hash_workers or password_argon2_memory_kib"))?;
        Ok(Hasher { kernel: self.kernel, params: self.params, form: self.form.clone(), memory })
    }

    /// What a hash may cost before the first one was measured.
    pub(super) fn first_guess_nanos(&self) -> u64 {
        u64::from(self.params.memory_kib()) * u64::from(self.params.passes()) * nanos_of_a_block(self.kernel.name())
    }

    /// The hash of a password with a new salt, as a PHC string.
    pub(super) fn hash(&mut self, password: &[u8]) -> Result<String, Cause> {
        let mut salt = [0; SALT_BYTES];
        getrandom::fill(&mut salt)?;
        let mut tag = [0; TAG_BYTES];
        let input = Input { password, salt: &salt, ..Input::default() };
        argon2id::hash(self.kernel, &self.params, &input, &mut self.memory, &mut tag)?;
        Ok(phc::write(&self.params, &salt, &tag)?)
    }
}

impl Hasher {
    /// Of which of these passwords a hash is. One that is not as new ones are takes memory of its own, which may be
    /// more than this keeps.
    pub(super) fn fitting(&mut self, stored: &StoredHash, passwords: &[Password]) -> Option<usize> {
        let (kernel, text) = (self.kernel, stored.expose());
        let is_current = self.form.is_of(stored);
        passwords.iter().position(|password| match is_current {
            true => phc::verify(kernel, text, password.expose(), &[], &mut self.memory).unwrap_or(false),
            false => stored.is_of(password.expose()),
        })
    }
}

/// The instructions that passwords are hashed with on this machine.
pub fn kernel() -> HashKernel {
    match Kernel::best().name() {
        KernelName::Avx512 => HashKernel::Avx512,
        KernelName::Avx2 => HashKernel::Avx2,
        KernelName::Neon => HashKernel::Neon,
        KernelName::Portable => HashKernel::Portable,
    }
}

/// The time of a block in a pass, on a machine of 2026 that has something else to do as well.
fn nanos_of_a_block(kernel: KernelName) -> u64 {
    match kernel {
        KernelName::Avx512 => 128,
        KernelName::Avx2 => 192,
        KernelName::Neon => 256,
        KernelName::Portable => 640,
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn a_kernel_is_called_the_same_everywhere() {
        assert_eq!(kernel().as_str(), Kernel::best().name().as_str());
        let names = [KernelName::Avx512, KernelName::Avx2, KernelName::Neon, KernelName::Portable];
        let labels: Vec<&str> = HashKernel::ALL.iter().map(|kernel| kernel.as_str()).collect();
        assert_eq!(labels, names.map(KernelName::as_str));
    }

    /// A guess that is too high refuses the first passwords. How much too low it is depends on what the machine does.
    #[test]
    fn the_first_guess_is_not_far_above_what_a_hash_takes() {
        let (memory_kib, iterations, parallelism) = (19_456, 2, 1);
        let max_wait = Duration::from_secs(1);
        let config = PasswordConfig { memory_kib, iterations, parallelism, workers: 1, max_wait };
        let mut hasher = Hasher::new(&config).unwrap();
        let took = (0..5).map(|_| {
            let began = Instant::now();
            hasher.hash(b"correct horse").unwrap();
            began.elapsed().as_nanos() as u64
        });
        let took = took.min().unwrap();
        let guess = hasher.first_guess_nanos();
        assert!(guess < 4 * took, "{guess} ns guessed, {took} ns taken");
    }
}
