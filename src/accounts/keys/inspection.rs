//! What `neodyme check` says of the keys.

use super::stored::list;
use super::{file, reading};
use crate::config::SignInConfig;
use crate::store::Db;

/// Looks whether the keys can be used with these settings, as a start does, and says how they were found. Changes nothing.
///
/// # Errors
/// When one that signs, or is to, cannot be read, or the database fails.
pub async fn inspect(config: &SignInConfig, db: &Db) -> anyhow::Result<String> {
    if let Some(path) = &config.signing_key_file {
        return Ok(format!("{} from signing_key_file", counted(file::read(path)?.len())));
    }
    let (keys, secret) = (list(db).await?, config.key_encryption_key.as_ref());
    reading::check(&keys, secret)?;
    Ok(match keys.len() {
        0 => "none yet: the first `neodyme serve` makes one".to_owned(),
        many if reading::lies_open(&keys, secret) => {
            format!("{}; the one that signs is not encrypted: see `neodyme keys rotate`", counted(many))
        }
        many => format!("{}, usable", counted(many)),
    })
}

fn counted(keys: usize) -> String {
    format!("{keys} key{}", if keys == 1 { "" } else { "s" })
}
