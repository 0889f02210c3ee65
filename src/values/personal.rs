//! What tells of a person.

use std::fmt;

/// A text that tells of a person, such as an address or a name. Printing does not show it.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Personal(String);

impl Personal {
    /// The text itself, for the database, the user, and whoever has to know it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The same, owned.
    pub fn into_exposed(self) -> String {
        self.0
    }
}

impl<T: Into<String>> From<T> for Personal {
    fn from(text: T) -> Self {
        Personal(text.into())
    }
}

impl fmt::Debug for Personal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_is_never_printed() {
        assert_eq!(format!("{:?}", super::Personal::from("ada@example.com")), "…");
    }
}
