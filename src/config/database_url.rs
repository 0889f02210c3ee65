//! Where the users are kept: a SQLite file or a PostgreSQL server.

use std::fmt;
use std::path::PathBuf;

use super::{PostgresUrl, Secret};

/// The database's address. `Debug` and `Display` show `***` for a password.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// `sqlite://relative/path` or `sqlite:///absolute/path`; the rest of the text is the path as it is.
    Sqlite {
        /// The database file.
        path: PathBuf,
    },
    /// `postgres://user:password@host:port/database?sslmode=…`, and whatever else libpq takes as a URL.
    Postgres(Box<PostgresUrl>),
}

impl DatabaseUrl {
    /// Reads the address; the error says what is wrong with it and never repeats it.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text.split_once("://") {
            Some(("sqlite", path)) => Ok(parse_sqlite(path)?),
            Some(("postgres" | "postgresql", _)) => Ok(DatabaseUrl::Postgres(Box::new(PostgresUrl::parse(text)?))),
            _ => Err("begins neither with sqlite:// nor with postgres://".into()),
        }
    }

    /// The password that the address carries.
    pub fn password(&self) -> Option<Secret> {
        match self {
            Self::Sqlite { .. } => None,
            Self::Postgres(url) => url.password(),
        }
    }

    /// Whether passwords and users would cross a network in plain text: `sslmode=disable` to another machine.
    pub fn is_plain_text_to_another_host(&self) -> bool {
        match self {
            Self::Sqlite { .. } => false,
            Self::Postgres(url) => url.is_plain_text_to_another_host(),
        }
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite { path } => write!(f, "sqlite://{}", path.display()),
            Self::Postgres(url) => url.fmt(f),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({self})")
    }
}

fn parse_sqlite(path: &str) -> Result<DatabaseUrl, &'static str> {
    match path {
        "" => Err("names no file"),
        ":memory:" => Err("keeps nothing: name a file, since connections do not share a database in memory"),
        _ if path.starts_with("file:") || path.contains('?') => {
            Err("has parameters: after sqlite:// comes a plain path")
        }
        _ if path.ends_with('/') || path.contains('\0') => Err("does not name a file"),
        _ => Ok(DatabaseUrl::Sqlite { path: path.into() }),
    }
}

#[cfg(test)]
mod tests {
    use super::DatabaseUrl;

    #[test]
    fn sqlite_paths_are_taken_as_they_are() {
        for (text, path) in [("sqlite://data/a b.db", "data/a b.db"), ("sqlite:///var/lib/n%41.db", "/var/lib/n%41.db")]
        {
            assert_eq!(DatabaseUrl::parse(text), Ok(DatabaseUrl::Sqlite { path: path.into() }));
            assert_eq!(DatabaseUrl::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_path_that_names_no_file_is_refused() {
        for text in [
            "mysql://h/d",
            "sqlite:",
            "sqlite://",
            "sqlite://:memory:",
            "sqlite://data/",
            "sqlite://a.db?mode=ro",
            "sqlite://file:a.db",
            "",
        ] {
            assert!(DatabaseUrl::parse(text).is_err(), "{text} was accepted");
        }
    }
}
