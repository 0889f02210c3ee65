//! neodyme: a user-registration service that explains itself.

pub mod error;
