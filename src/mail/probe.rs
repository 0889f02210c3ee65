//! Whether mail would go out, as far as can be told without sending any.

use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access, statvfs};

use super::{Mailer, Transport};
use crate::error::Cause;

impl Mailer {
    /// Whether mail is written to files, for lack of a mail server.
    pub fn writes_files(&self) -> bool {
        matches!(self.transport, Transport::Files(_))
    }

    /// A mail server is greeted and asked for a sign of life, with the TLS and the credentials of a delivery. Of a
    /// directory it is enough that it can be written to. Nothing is sent, and nothing is written.
    ///
    /// # Errors
    /// What stands in the way, without addresses.
    pub async fn probe(&self) -> Result<(), Cause> {
        match &self.transport {
            Transport::Smtp(smtp) => smtp.probe().await.map_err(|failure| failure.cause),
            Transport::Files(files) => {
                let directory = files.directory.clone();
                tokio::task::spawn_blocking(move || look_at(directory)).await?
            }
        }
    }
}

fn look_at(directory: PathBuf) -> Result<(), Cause> {
    check_writable(existing(&directory))
        .map_err(|error| format!("cannot write to {}: {error}", directory.display()).into())
}

/// The directory, or where it would be created.
fn existing(directory: &Path) -> &Path {
    let named = |path: &&Path| !path.as_os_str().is_empty();
    directory.ancestors().filter(named).find(|path| path.exists()).unwrap_or(Path::new("."))
}

fn check_writable(directory: &Path) -> io::Result<()> {
    if !directory.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    access(directory, Access::WRITE_OK | Access::EXEC_OK)?;
    if statvfs(directory)?.f_bavail == 0 { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_that_can_be_made_is_as_good_as_one_that_is_there() {
        let folder = tempfile::tempdir().unwrap();
        look_at(folder.path().to_owned()).unwrap();
        look_at(folder.path().join("data/mail")).unwrap();
        look_at(PathBuf::from("data-that-is-not-there/mail")).unwrap();
        assert!(std::fs::read_dir(folder.path()).unwrap().next().is_none(), "nothing is written");
    }

    #[test]
    fn a_file_in_its_place_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("mail");
        std::fs::write(&file, "").unwrap();
        let error = look_at(file.clone()).unwrap_err().to_string();
        assert!(error.starts_with(&format!("cannot write to {}", file.display())), "{error}");
    }
}
