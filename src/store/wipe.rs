//! What was deleted leaves the files of a SQLite database as well. The writer overwrites what it deletes (`secure_delete`); what
//! the write-ahead log holds goes with a checkpoint that empties it; and what pages keep of rows that were moved once, before
//! they were deleted, goes when all pages are written anew, which is done only where something is found.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use diesel::QueryableByName;
use diesel::sql_types::Integer;
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use memchr::memmem;
use tokio::task::spawn_blocking;

use super::Db;
use super::pool::with_lease;
use crate::error::Result;
use crate::telemetry::metrics::DbOperation;

/// For how long the others wait while the log's readers come to their end, in milliseconds.
const FOR_READERS_MILLIS: u32 = 50;
/// What is read at once.
const PIECE: usize = 1024 * 1024;

#[derive(QueryableByName)]
struct Checkpoint {
    #[diesel(sql_type = Integer)]
    busy: i32,
}

impl Db {
    /// Takes what was deleted out of the files, and looks for these texts that it may have held. Says no when somebody reads at
    /// the moment. What a server keeps in its files, and for how long, is the server's.
    ///
    /// # Errors
    /// When the database fails, or its file cannot be read.
    pub async fn wipe(&self, texts: Vec<String>) -> Result<bool> {
        let Db::Sqlite { file, .. } = self else { return Ok(true) };
        if !self.empty_log().await? {
            return Ok(false);
        }
        let searched = file.clone();
        let found = spawn_blocking(move || searched.look_into(|file| holds_any(file, &texts))).await;
        let found = found.unwrap_or_else(|failed| Err(io::Error::other(failed)));
        if !found.map_err(|error| file.origin.file_failed("cannot look for what was deleted", error))? {
            return Ok(true);
        }
        self.write_anew().await?;
        self.empty_log().await
    }

    /// Takes all that was deleted out of the files, where it is not known what that was: writes them anew. Says no when somebody
    /// reads at the moment.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn wipe_all(&self) -> Result<bool> {
        if !self.empty_log().await? {
            return Ok(false);
        }
        self.write_anew().await?;
        self.empty_log().await
    }

    /// Writes what is in the log to its place, and empties the log.
    async fn empty_log(&self) -> Result<bool> {
        let Db::Sqlite { writer, file, .. } = self else { return Ok(true) };
        let patience = file.busy_timeout_millis();
        let checkpoint = with_lease!(writer, DbOperation::Checkpoint, |conn| async {
            conn.batch_execute(&format!("PRAGMA busy_timeout = {FOR_READERS_MILLIS}")).await?;
            let emptied = diesel::sql_query("PRAGMA wal_checkpoint(TRUNCATE)").get_result::<Checkpoint>(conn).await;
            conn.batch_execute(&format!("PRAGMA busy_timeout = {patience}")).await?;
            emptied
        })?;
        Ok(checkpoint.busy == 0)
    }

    async fn write_anew(&self) -> Result<()> {
        let Db::Sqlite { writer, .. } = self else { return Ok(()) };
        with_lease!(writer, DbOperation::Checkpoint, |conn| conn.batch_execute("VACUUM"))
    }
}

/// Whether a file holds one of these texts, anywhere.
fn holds_any(file: &File, texts: &[String]) -> io::Result<bool> {
    let longest = texts.iter().map(String::len).max().unwrap_or(0);
    let (mut buffer, mut at) = (vec![0; PIECE + longest], 0);
    loop {
        let read = file.read_at(&mut buffer, at)?;
        if texts.iter().any(|text| memmem::find(&buffer[..read], text.as_bytes()).is_some()) {
            return Ok(true);
        }
        if read <= longest {
            return Ok(false);
        }
        // What is cut in two is found with the next piece.
        at += (read - longest) as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_found_wherever_it_lies() {
        let text = "ada@example.com".to_owned();
        for before in [0, 1, PIECE - 20, PIECE - 7, PIECE, PIECE + 8, PIECE + 15, 3 * PIECE - 1] {
            let mut content = vec![b'a'; before];
            content.extend_from_slice(text.as_bytes());
            let file = tempfile::tempfile().unwrap();
            file.write_all_at(&content, 0).unwrap();
            assert!(holds_any(&file, &["x".to_owned(), text.clone()]).unwrap(), "{before}");
            assert!(!holds_any(&file, &["bob@example.com".to_owned()]).unwrap(), "{before}");
        }
    }
}
