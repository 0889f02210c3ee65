//! The outbox: what follows a commit happens, at least once, however the world behaves.
//!
//! The transaction that registers a user also writes one job per side effect. Workers claim jobs under a lease and
//! deliver them; a job whose instance died is claimed again when its lease ends.

mod job;

pub use self::job::{Failure, Job, JobState, NewJob, Reason, Receipt, Topic};
