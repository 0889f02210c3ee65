//! Makes the filter of a list with a password in each line. `make passwords` runs it; `README.md` says with which list.
//!
//! The same list gives the same bytes: nothing here is random.

use std::collections::BTreeSet;
use std::error::Error;
use std::io::{Read, Write};

use common_passwords::{DESCRIPTOR_BYTES, MIN_CHARACTERS, fingerprint};
use xorf::{BinaryFuse16, DmaSerializable};

fn main() -> Result<(), Box<dyn Error>> {
    let mut list = String::new();
    std::io::stdin().read_to_string(&mut list)?;
    let long = list.lines().filter(|password| password.chars().count() >= MIN_CHARACTERS);
    let keys: BTreeSet<u64> = long.map(fingerprint).collect();
    let filter = BinaryFuse16::try_from_iterator(keys.iter().copied())?;
    let mut descriptor = [0; DESCRIPTOR_BYTES];
    filter.dma_copy_descriptor_to(&mut descriptor);
    let mut output = std::io::stdout();
    output.write_all(&descriptor)?;
    output.write_all(filter.dma_fingerprints())?;
    writeln!(std::io::stderr(), "{} passwords, {} bytes of fingerprints", keys.len(), filter.dma_fingerprints().len())?;
    Ok(output.flush()?)
}
