//! What is wrong with the configuration, all of it at once.

use std::fmt;

/// One thing that is wrong. Its text names the setting, the source and what is accepted, and no secret.
#[derive(Debug)]
pub struct Problem {
    /// The setting, unless it is none that exists.
    pub setting: Option<&'static str>,
    text: String,
}

/// Everything that is wrong, one line each.
#[derive(Debug, Default)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// Adds what is wrong at that source.
    pub(super) fn add(&mut self, setting: Option<&'static str>, source: impl fmt::Display, text: impl fmt::Display) {
        self.0.push(Problem { setting, text: format!("{source}: {text}") });
    }

    /// Whether that setting is known to be wrong.
    pub(super) fn concern(&self, key: &str) -> bool {
        self.0.iter().any(|problem| problem.setting == Some(key))
    }

    /// Whether all is well.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One by one.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.0.iter()
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            1 => write!(f, "the configuration has a problem:")?,
            count => write!(f, "the configuration has {count} problems:")?,
        }
        self.0.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl std::error::Error for Problems {}

/// A text as it is shown in a message: on one line, not endless, and not at all where it might be an address with a
/// password that came into the wrong setting.
pub(super) fn quote(text: &str) -> String {
    const LONGEST: usize = 40;
    if text.contains("://") || text.contains('@') {
        return "the value".into();
    }
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}
