//! Mail without a mail server.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use crate::fixture::SendWelcome;
use neodyme::mail::Mailer;
use neodyme::outbox::Reason;

use crate::fixture::{CANARY, assert_names_nobody, job, mailer, meaning};

fn writing_to(directory: &Path) -> Mailer {
    mailer([("mail_directory", directory.to_str().unwrap())]).unwrap()
}

fn names(directory: &Path) -> Vec<String> {
    fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[tokio::test]
async fn each_job_has_a_file_that_only_its_owner_reads() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("data/mail");
    let (mailer, job) = (writing_to(&directory), job());
    assert!(!directory.exists());
    let receipt = mailer.send_welcome(&job).await.unwrap();
    assert_eq!(receipt.code, None);

    let path = directory.join(format!("{}.eml", job.id));
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(&format!("Message-ID: <{}@localhost>\r\n", job.id)) && text.contains(CANARY), "{text}");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&directory), mode(&path)), (0o700, 0o600));

    mailer.send_welcome(&job).await.unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
    assert_eq!(names(&directory).len(), 1);
}

#[tokio::test]
async fn a_directory_that_vanished_is_created_again() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("mail");
    let mailer = writing_to(&directory);
    mailer.send_welcome(&job()).await.unwrap();
    fs::remove_dir_all(&directory).unwrap();
    mailer.send_welcome(&job()).await.unwrap();
    assert_eq!(names(&directory).len(), 1);
}

#[tokio::test]
async fn a_directory_that_cannot_be_is_a_failure_of_the_service() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let failure = writing_to(&file.join("mail")).send_welcome(&job()).await.unwrap_err();
    assert_eq!(meaning(&failure), (Reason::Io, None, false, true));
    assert!(failure.cause.to_string().contains("cannot write to"), "{}", failure.cause);
    assert_names_nobody(&failure);
}

#[tokio::test]
async fn a_full_disk_is_waited_for_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let mut job = job();
    // The file that it writes first is on a device that is always full.
    symlink("/dev/full", folder.path().join(format!(".{}.{}.tmp", job.id, job.lease_token))).unwrap();
    let mailer = writing_to(folder.path());
    let failure = mailer.send_welcome(&job).await.unwrap_err();
    assert_eq!(meaning(&failure), (Reason::Io, None, false, true));
    assert!(failure.cause.to_string().contains("No space left on device"), "{}", failure.cause);
    assert_names_nobody(&failure);
    assert!(names(folder.path()).is_empty());

    job.attempt = 2;
    mailer.send_welcome(&job).await.unwrap();
    assert_eq!(names(folder.path()), [format!("{}.eml", job.id)]);
}
