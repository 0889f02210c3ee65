//! Users who come from another service: lines of JSON, each checked as a registration is, and written many at a time.
//!
//! A user whose address is registered already is left as it is, so that an import that was broken off is run again.

mod line;

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, BufRead, Read};

use anyhow::Context;
use futures_util::FutureExt;
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use crate::accounts::audit::{self, AuditEntry};
use crate::accounts::users::{self, User};
use crate::clock;
use crate::error::{Error, Result};
use crate::store::{Db, Transaction, types};

/// So many users are written in one transaction: more gain little, and keep others from writing for longer.
const BATCH: usize = 500;
/// No line with valid fields is longer.
const MAX_LINE_BYTES: usize = 16 * 1024;

/// What became of the lines so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Lines that are done with, those that were skipped included.
    pub lines: u64,
    /// Users that are new.
    pub added: u64,
    /// Users whose address was registered already: they are as they were.
    pub existing: u64,
    /// Lines that are no valid user.
    pub refused: u64,
}

/// Who is told how it goes.
pub trait Watcher {
    /// This line was refused.
    ///
    /// # Errors
    /// When it cannot be told, which ends the import.
    fn refused(&mut self, number: u64, why: &Error, line: &[u8]) -> io::Result<()>;

    /// All that was read so far, so many bytes since the last time, is done with.
    fn done(&mut self, tally: &Tally, bytes: u64);
}

/// What becomes of users who were read.
#[derive(Clone, Copy)]
pub enum Target<'a> {
    /// Nothing: lines are checked by themselves.
    Nowhere,
    /// They are held against those that this database has, and nothing is written.
    Rehearsal(&'a Db),
    /// They are written into this database.
    Database(&'a Db),
}

/// An import under way.
pub struct Import<'a, S, W> {
    source: S,
    target: Target<'a>,
    watcher: W,
    tally: Tally,
    /// The line that was read last.
    number: u64,
    /// Users that were read and are not written yet, and how many bytes were read since the last ones were.
    batch: Vec<Arrival>,
    bytes: u64,
    rehearsed: Rehearsed,
}

/// Addresses of users whom a rehearsal would have written, by their hash: there may be millions.
#[derive(Default)]
struct Rehearsed {
    hashes: HashSet<u64>,
    hasher: RandomState,
}

impl Rehearsed {
    /// Says whether it is the first with this address.
    fn add(&mut self, email_key: &str) -> bool {
        self.hashes.insert(self.hasher.hash_one(email_key))
    }
}

/// What becomes of users of a batch.
#[derive(Default)]
struct Outcome {
    /// So many are new.
    added: usize,
    /// Those with these addresses are refused: they are kept for somebody else.
    kept: Vec<String>,
}

/// A user who was read.
struct Arrival {
    number: u64,
    line: Vec<u8>,
    user: User,
}

impl<'a, S: BufRead, W: Watcher> Import<'a, S, W> {
    /// Reads users from `source`.
    pub fn new(source: S, target: Target<'a>, watcher: W) -> Self {
        Import {
            source,
            target,
            watcher,
            tally: Tally::default(),
            number: 0,
            batch: Vec::with_capacity(BATCH),
            bytes: 0,
            rehearsed: Rehearsed::default(),
        }
    }

    /// Reads the lines from this one on (the first is 1) to the last, and writes who is new where they are to be written.
    ///
    /// # Errors
    /// When a file or the database fails. What was done until then stays, and [`Import::tally`] says how much that is.
    pub async fn run(&mut self, from_line: u64) -> anyhow::Result<()> {
        let mut line = Vec::new();
        loop {
            let read = self.read_line(&mut line).context("read the users")?;
            if read == 0 {
                return self.write().await;
            }
            self.bytes += read;
            self.number += 1;
            if self.number >= from_line {
                self.take(&line).context("write the refused lines")?;
            }
            if self.batch.len() >= BATCH || self.number.is_multiple_of(10 * BATCH as u64) {
                self.write().await?;
            }
        }
    }

    /// What became of the lines so far.
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// The next line, and how long it is in the file; 0 at the end. Of a line that is too long, the rest is skipped.
    fn read_line(&mut self, line: &mut Vec<u8>) -> io::Result<u64> {
        line.clear();
        let read = self.source.by_ref().take(MAX_LINE_BYTES as u64 + 1).read_until(b'\n', line)?;
        let rest = if read > MAX_LINE_BYTES && !line.ends_with(b"\n") { self.source.skip_until(b'\n')? } else { 0 };
        Ok((read + rest) as u64)
    }

    fn take(&mut self, line: &[u8]) -> io::Result<()> {
        let text = line.trim_ascii();
        if text.is_empty() {
            return Ok(());
        }
        let user = match text.len() <= MAX_LINE_BYTES {
            true => line::parse(text, clock::now()),
            false => Err(Error::BodyTooLarge { limit: MAX_LINE_BYTES }),
        };
        match user {
            Ok(user) => self.batch.push(Arrival { number: self.number, line: text.to_vec(), user }),
            Err(why) => self.refuse(self.number, &why, text)?,
        }
        Ok(())
    }

    fn refuse(&mut self, number: u64, why: &Error, line: &[u8]) -> io::Result<()> {
        self.tally.refused += 1;
        self.watcher.refused(number, why, line)
    }

    async fn write(&mut self) -> anyhow::Result<()> {
        let batch = std::mem::replace(&mut self.batch, Vec::with_capacity(BATCH));
        let users: Vec<User> = batch.iter().map(|arrival| arrival.user.clone()).collect();
        let count = users.len();
        let Outcome { added, kept } = match self.target {
            _ if users.is_empty() => Outcome::default(),
            Target::Nowhere => Outcome { added: count, kept: Vec::new() },
            Target::Rehearsal(db) => self.rehearse(db, &users).await?,
            Target::Database(db) => db.transaction(move |tx| insert(tx, users).boxed()).await?,
        };
        let is_kept = |arrival: &Arrival| kept.iter().any(|key| key == arrival.user.email_key.expose());
        let refused: Vec<_> = batch.into_iter().filter(is_kept).collect();
        self.tally.lines = self.number;
        self.tally.added += added as u64;
        self.tally.existing += (count - refused.len() - added) as u64;
        for Arrival { number, line, .. } in refused {
            self.refuse(number, &users::kept_for_another(), &line).context("write the refused lines")?;
        }
        self.watcher.done(&self.tally, std::mem::take(&mut self.bytes));
        Ok(())
    }

    /// What would become of these.
    async fn rehearse(&mut self, db: &Db, users: &[User]) -> anyhow::Result<Outcome> {
        let keys: Vec<&str> = users.iter().map(|user| user.email_key.expose()).collect();
        let kept = users::kept_among(db, &keys).await?;
        let registered: HashSet<String> = users::registered_among(db, &keys).await?.into_iter().collect();
        let is_taken = |key: &str| registered.contains(key) || kept.iter().any(|kept| kept == key);
        let added = keys.into_iter().filter(|key| !is_taken(key) && self.rehearsed.add(key)).count();
        Ok(Outcome { added, kept })
    }
}

/// Inserts those whose address is nobody's and, as in a registration, is not kept for somebody else.
async fn insert(tx: &mut Transaction, users: Vec<User>) -> Result<Outcome> {
    let inserted = users::insert_new(tx, &users).await?;
    let kept = users::kept_of(tx, users.iter().map(|user| user.id)).await?;
    for (id, _) in &kept {
        users::delete(tx, *id).await?;
    }
    Ok(Outcome { added: inserted - kept.len(), kept: kept.into_iter().map(|(_, email_key)| email_key).collect() })
}

/// Notes in the audit trail what an import came to.
///
/// # Errors
/// When the database fails.
pub async fn note(db: &Db, tally: &Tally) -> Result<()> {
    let id = Uuid::now_v7();
    let entry = AuditEntry {
        id,
        occurred_at: types::to_micros(clock::now()),
        action: "users.imported".to_owned(),
        actor: audit::OPERATOR.to_owned(),
        user_id: None,
        client_ip: None,
        request_id: format!("import-{id}"),
        trace_id: String::new(),
        details: json!({ "added": tally.added, "existing": tally.existing, "refused": tally.refused }),
    };
    audit::write(db, entry).await
}
