//! The database that a subcommand looks at.

use std::path::Path;

use crate::config::{DatabaseConfig, DatabaseUrl};
use crate::store::Db;

/// Opens a database that is there: a subcommand that looks at it would not create it.
pub(super) async fn open(config: &DatabaseConfig) -> anyhow::Result<Db> {
    if let Some(path) = missing_file(&config.url) {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        anyhow::bail!(
            "there is no database at {}: run this where `neodyme serve` runs, or with its database_url; a first `neodyme serve` \
             or `neodyme migrate` creates it",
            path.display()
        );
    }
    Ok(Db::connect(config).await?)
}

/// The file of a SQLite database that was never used.
pub(super) fn missing_file(url: &DatabaseUrl) -> Option<&Path> {
    match url {
        DatabaseUrl::Sqlite { path } if matches!(path.try_exists(), Ok(false)) => Some(path),
        _ => None,
    }
}
