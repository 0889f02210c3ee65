//! What was built: version, revision and compiler.

/// What was built into this binary.
#[derive(Clone, Copy, Debug)]
pub struct Build {
    /// The version of the crate.
    pub version: &'static str,
    /// The revision of the source, `unknown` outside a checkout.
    pub revision: &'static str,
    /// The version of the compiler.
    pub rustc: &'static str,
}

/// This binary.
pub const INFO: Build =
    Build { version: env!("CARGO_PKG_VERSION"), revision: env!("NEODYME_REVISION"), rustc: env!("NEODYME_RUSTC") };
