//! Memory that the system does not give, in a process that may not have much.

#![allow(clippy::unwrap_used, reason = "a test ends by panicking")]

use argon2id::{Error, Input, Kernel, Memory, Params, hash};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

#[test]
fn memory_that_the_system_does_not_give_is_an_error() {
    let few = Rlimit { current: Some(1 << 30), ..getrlimit(Resource::As) };
    setrlimit(Resource::As, few).unwrap();
    let much = Params::new(u32::MAX, 1, 1).unwrap();

    let error = Memory::reserve(&much).err().unwrap();
    assert_eq!(error.to_string(), "no memory for 4294967295 KiB more");
    assert!(std::error::Error::source(&error).is_some());

    let mut memory = Memory::reserve(&Params::new(8, 1, 1).unwrap()).unwrap();
    let input = Input { salt: b"somesalt", ..Input::default() };
    let hashed = hash(Kernel::best(), &much, &input, &mut memory, &mut [0; 32]);
    assert!(matches!(hashed, Err(Error::NoMemory { .. })), "{hashed:?}");
}
