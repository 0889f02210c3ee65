//! Rows that are written together.

use futures_util::FutureExt;
use neodyme::accounts::audit::AuditEntry;
use neodyme::accounts::users::{self, User};
use neodyme::error::Result;
use neodyme::outbox::NewJob;
use neodyme::store::Db;

#[derive(Clone, Debug, Default)]
pub struct Rows {
    pub users: Vec<User>,
    pub audit: Vec<AuditEntry>,
    pub jobs: Vec<NewJob>,
}

impl Rows {
    pub async fn insert(self, db: &Db) -> Result<()> {
        let Rows { users, audit, jobs } = self;
        let inserted = db.transaction(move |tx| {
            users.into_iter().for_each(|user| tx.insert(user));
            audit.into_iter().for_each(|entry| tx.insert(entry));
            jobs.into_iter().for_each(|job| tx.insert(job));
            async { Ok(()) }.boxed()
        });
        inserted.await.map_err(users::as_address_taken)
    }
}
