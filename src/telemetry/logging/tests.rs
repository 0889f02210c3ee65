//! The log as its users see it.

mod lines;
mod losses;
