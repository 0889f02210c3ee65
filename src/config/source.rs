//! Where a value comes from.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// No source gave one.
    Default,
    /// The TOML file, at that line.
    File(PathBuf, usize),
    /// An environment variable.
    Variable(String),
    /// A file that an environment variable names.
    VariableFile(String, PathBuf),
    /// A flag of the command line.
    Flag(String),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path, line) => write!(f, "{}:{line}", path.display()),
            Self::Variable(name) => f.write_str(name),
            Self::VariableFile(name, path) => write!(f, "{name} ({})", path.display()),
            Self::Flag(name) => write!(f, "--{name}"),
        }
    }
}

/// The text that wins for each setting that has one, with its source.
pub(super) type Texts = BTreeMap<&'static str, (String, Source)>;
