//! The `neodyme` binary.

fn main() {}
