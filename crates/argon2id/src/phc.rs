//! Hashes as PHC strings, `$argon2id$v=19$m=…,t=…,p=…$salt$hash`.

use phc::{Ident, Output, ParamsString, PasswordHash, Salt};

use crate::digest::VERSION;
use crate::{Error, Input, Kernel, Memory, Params, hash};

const ALGORITHM: &str = "argon2id";

/// The PHC string of a tag.
///
/// # Errors
/// A salt of more than 48 bytes, or a tag of less than 10 or more than 64: there is no place for it.
pub fn write(params: &Params, salt: &[u8], tag: &[u8]) -> Result<String, Error> {
    let mut costs = ParamsString::new();
    costs.add_decimal("m", params.memory_kib())?;
    costs.add_decimal("t", params.passes())?;
    costs.add_decimal("p", params.lanes())?;
    let hash = PasswordHash {
        algorithm: Ident::new(ALGORITHM)?,
        version: Some(VERSION),
        params: costs,
        salt: Some(Salt::new(salt)?),
        hash: Some(Output::new(tag)?),
    };
    Ok(hash.to_string())
}

/// Whether a PHC string is that of this password, made with this secret, which may be nothing.
///
/// The string decides what that costs, so it has to be one that was stored, not one that a stranger sent. How long the
/// comparison of the tags takes says nothing about them.
///
/// # Errors
/// A string that is not of argon2id, parameters that RFC 9106 does not accept, or memory that the system does not give.
pub fn verify(kernel: Kernel, text: &str, password: &[u8], secret: &[u8], memory: &mut Memory) -> Result<bool, Error> {
    let stored = PasswordHash::new(text)?;
    let (Some(salt), Some(output)) = (&stored.salt, &stored.hash) else { return Err(Error::Foreign) };
    let input = Input { password, salt, secret, data: &[] };
    let mut tag = [0; Output::MAX_LENGTH];
    let tag = tag.get_mut(..output.len()).ok_or(Error::Mistake("a tag of another length"))?;
    hash(kernel, &read_params(&stored)?, &input, memory, tag)?;
    Ok(Output::new(tag)? == *output)
}

fn read_params(stored: &PasswordHash) -> Result<Params, Error> {
    let is_ours = stored.algorithm.as_str() == ALGORITHM && stored.version == Some(VERSION);
    let cost = |name| stored.params.get_decimal(name);
    match (cost("m"), cost("t"), cost("p"), stored.params.iter().count()) {
        (Some(memory), Some(passes), Some(lanes), 3) if is_ours => Params::new(memory, passes, lanes),
        _ => Err(Error::Foreign),
    }
}
