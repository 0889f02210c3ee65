//! What the templates of emails and of pages have in common: there are some for each language, an operator may replace each by a
//! file, and what is wrong with one is found at start, with its line.

mod length;
mod minute;
mod sources;
mod speakers;

pub use self::length::Length;
pub use self::minute::Minute;
pub(crate) use self::sources::built_in;
pub use self::sources::{BuiltIn, Kit, Source, Sources};
pub use self::speakers::{Speaker, Speakers};
