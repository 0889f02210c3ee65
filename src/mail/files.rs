//! Mail without a mail server: one `.eml` file for each.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::PathBuf;
use std::thread;

use tokio::sync::{mpsc, oneshot};

use super::invalid_setting::InvalidSetting;
use crate::values::job::{Effect, Failure, Job, Reason, Receipt};

/// Writes mail to a directory, on a thread of its own: a directory takes one new file at a time, and threads that wait for
/// each other cost registrations more than the files do.
pub(super) struct Files {
    pub directory: PathBuf,
    /// As many as there are deliveries at a time.
    orders: mpsc::UnboundedSender<Order>,
}

/// A file to be written, and who waits for it.
struct Order {
    path: PathBuf,
    temporary: PathBuf,
    message: String,
    done: oneshot::Sender<io::Result<()>>,
}

impl Files {
    /// Starts the thread, which ends with this.
    ///
    /// # Errors
    /// When the system has no thread to spare.
    pub fn new(directory: PathBuf) -> Result<Self, InvalidSetting> {
        let (sender, mut orders) = mpsc::unbounded_channel::<Order>();
        let write_all = move || {
            while let Some(order) = orders.blocking_recv() {
                let written = order.write().inspect_err(|_| drop(fs::remove_file(&order.temporary)));
                // Whoever waited may have left.
                let _ = order.done.send(written);
            }
        };
        let thread = thread::Builder::new().name("mail".to_owned()).spawn(write_all);
        thread.map_err(|error| InvalidSetting::new("mail_directory", format!("no thread to write it: {error}")))?;
        Ok(Self { directory, orders: sender })
    }

    /// Writes `{job id}.eml`. A second delivery of the same job writes the same file again.
    pub async fn write(&self, job: &Job, message: String) -> Result<Receipt, Failure> {
        let (done, written) = oneshot::channel();
        let path = self.directory.join(format!("{}.eml", job.id));
        // Another instance may work on the same job once the lease has run out.
        let temporary = self.directory.join(format!(".{}.{}.tmp", job.id, job.lease_token));
        let _ = self.orders.send(Order { path, temporary, message, done });
        let written = written.await.unwrap_or_else(|_| Err(io::Error::other("the thread that writes has ended")));
        written.map(|()| Receipt { code: None, withheld: None }).map_err(|error| self.failure(&error))
    }

    fn failure(&self, error: &io::Error) -> Failure {
        let what = format!("cannot write to {}: {error}", self.directory.display());
        Failure::new(Reason::Io, Effect::ServiceDown, what)
    }
}

impl Order {
    /// A reader of the directory sees a whole file or none. Nothing waits for the disk: a loss of power may cost the last
    /// files, which nobody was sent.
    fn write(&self) -> io::Result<()> {
        let open = || OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&self.temporary);
        let mut file = match (open(), self.temporary.parent()) {
            (Err(error), Some(directory)) if error.kind() == io::ErrorKind::NotFound => {
                DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
                open()?
            }
            (opened, _) => opened?,
        };
        file.write_all(self.message.as_bytes())?;
        fs::rename(&self.temporary, &self.path)
    }
}
