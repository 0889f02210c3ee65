//! The business: users, and what they do.

pub mod audit;
mod endpoints;
pub mod import;
pub mod registration;
pub mod users;

pub use self::endpoints::{refresh_users, register};
