//! Mail without a mail server: one `.eml` file for each.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::outbox::{Failure, Job, Reason, Receipt};

/// Writes mail to a directory.
pub(super) struct Files {
    pub directory: PathBuf,
}

impl Files {
    /// Writes `{job id}.eml`. A second delivery of the same job writes the same file again.
    pub async fn write(&self, job: &Job, message: String) -> Result<Receipt, Failure> {
        let directory = self.directory.clone();
        let name = format!("{}.eml", job.id);
        // Another instance may work on the same job once the lease has run out.
        let temporary = format!(".{}.{}.tmp", job.id, job.lease_token);
        let work = move || {
            let written = write(&directory, &temporary, &name, message.as_bytes());
            written.inspect_err(|_| drop(fs::remove_file(directory.join(&temporary))))
        };
        let written = tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(io::Error::other(error)));
        written.map(|()| Receipt { code: None }).map_err(|error| self.failure(&error))
    }

    fn failure(&self, error: &io::Error) -> Failure {
        Failure {
            reason: Reason::Io,
            permanent: false,
            service_down: true,
            code: None,
            retry_after: None,
            cause: format!("cannot write to {}: {error}", self.directory.display()).into(),
        }
    }
}

/// A reader of the directory sees a whole file or none. Nothing waits for the disk: a loss of power may cost the last
/// files, which nobody was sent.
fn write(directory: &Path, temporary: &str, name: &str, bytes: &[u8]) -> io::Result<()> {
    let temporary = directory.join(temporary);
    let open = || OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary);
    let mut file = match open() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
            open()?
        }
        opened => opened?,
    };
    file.write_all(bytes)?;
    fs::rename(&temporary, directory.join(name))
}
