//! The keys as they come and go.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use serde_json::json;
use slog::Logger;
use uuid::Uuid;

use super::file;
use super::reading::{self, Unreadable};
use super::stored::{self, KeyState, StoredKey, list};
use crate::accounts::actor::Actor;
use crate::accounts::audit;
use crate::clock;
use crate::config::{Secret, SignInConfig};
use crate::error::{Cause, Error, Result};
use crate::state::App;
use crate::store::Db;
use crate::telemetry::logging::{Exception, LoggerName, context, info, warn};
use crate::tokens::{Keyring, SigningKey};
use crate::values::timestamp::rfc3339;

/// Between two looks at the keys: far less than a new one is published before it signs.
const INTERVAL: Duration = Duration::from_secs(5);

/// The keys of this service: those that are given, or those of its database, where the first instance makes the first one.
///
/// # Errors
/// When one that signs, or is to, cannot be read. Where the database cannot be written yet, the first one is made later.
pub async fn open(config: &SignInConfig, db: &Db, log: &Logger) -> anyhow::Result<Arc<Keyring>> {
    let keyring = Keyring::new(&config.token_issuer, &config.token_audience, config.access_token_lifetime);
    let (ring, origin) = match &config.signing_key_file {
        Some(path) => (file::read(path)?, "signing_key_file"),
        None => {
            let keys = first_or_all(config, db).await.unwrap_or_else(|error| {
                let exception = Exception::named(error.code().as_str(), &error);
                warn!(log, "There is no signing key yet: nobody can sign in"; "exception" => exception);
                Vec::new()
            });
            let secret = config.key_encryption_key.as_ref();
            reading::check(&keys, secret)?;
            (keys.iter().filter_map(|key| key.for_ring(secret)).collect(), "database")
        }
    };
    info!(log, "Signing keys"; "context" => context(json!({ "keys": ring.len(), "from": origin })));
    keyring.replace(ring);
    Ok(Arc::new(keyring))
}

async fn first_or_all(config: &SignInConfig, db: &Db) -> Result<Vec<StoredKey>> {
    let keys = list(db).await?;
    if !keys.is_empty() {
        return Ok(keys);
    }
    add_next(config, db, &keys, Duration::ZERO).await?;
    list(db).await
}

/// Makes the next key, which signs after `lead`. Says whether it is this one that is next.
async fn add_next(config: &SignInConfig, db: &Db, keys: &[StoredKey], lead: Duration) -> Result<bool> {
    let number = keys.iter().map(|key| key.number).max().unwrap_or_default() + 1;
    let now = clock::now();
    let next = || -> std::result::Result<StoredKey, Cause> {
        StoredKey::new(number, &SigningKey::generate()?, config.key_encryption_key.as_ref(), now + lead, now)
    };
    stored::add(db, next().map_err(Error::Authentication)?).await
}

/// How a new key is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rotation {
    /// It signs at once, and not after `signing_key_lead`.
    pub at_once: bool,
    /// The others need not be readable with the `key_encryption_key` that is set: theirs is lost.
    pub despite_unreadable: bool,
}

/// Makes a new key.
///
/// # Errors
/// When keys are given in a file, those of the database cannot be read here, another new key has not begun to sign, or the
/// database fails.
pub async fn rotate(config: &SignInConfig, db: &Db, rotation: Rotation) -> anyhow::Result<StoredKey> {
    if let Some(path) = &config.signing_key_file {
        anyhow::bail!("the keys are given: put a new one first in signing_key_file {}", path.display());
    }
    let Rotation { at_once, despite_unreadable } = rotation;
    let (keys, now) = (list(db).await?, clock::now());
    if !despite_unreadable {
        check_same_secret(&keys, config.key_encryption_key.as_ref())?;
    }
    if let Some(next) = keys.iter().find(|key| key.state(&keys, now) == KeyState::Next).filter(|_| !at_once) {
        anyhow::bail!("the key {} is published already, and has not begun to sign", next.kid);
    }
    let lead = if at_once || keys.is_empty() { Duration::ZERO } else { config.key_lead };
    ensure!(add_next(config, db, &keys, lead).await?, "somebody else made a new key at the same time");
    let key = list(db).await?.pop().context("the new key is gone")?;
    audit::write(db, Actor::operator().entry("keys.rotated", None::<Uuid>, json!({ "kid": key.kid }))).await?;
    Ok(key)
}

/// The instances would read the new key no better than the command does those that they have.
fn check_same_secret(keys: &[StoredKey], secret: Option<&Secret>) -> anyhow::Result<()> {
    let Some(Unreadable { key, cause }) = reading::unreadable(keys, secret) else { return Ok(()) };
    anyhow::bail!(
        "the key {} cannot be read, so the service could not read a new one either ({cause}); give key_encryption_key the value \
         that the service has, such as through NEODYME_KEY_ENCRYPTION_KEY_FILE. Where that is lost, give the service another \
         one, and make a key with --now --key-lost",
        key.kid
    );
}

/// Looks at the keys again and again, and removes those that are over, until it is dropped.
pub async fn refresh(app: Arc<App>) {
    if app.config.sign_in.signing_key_file.is_some() {
        return std::future::pending().await;
    }
    let log = app.loggers.get(LoggerName::App);
    let mut ticks = tokio::time::interval(INTERVAL);
    let mut unreadable = None;
    loop {
        ticks.tick().await;
        if let Err(error) = look(&app, &mut unreadable).await {
            let exception = Exception::named(error.code().as_str(), &error);
            warn!(log, "The signing keys could not be looked at"; "exception" => exception);
        }
    }
}

/// `told` is the key that was told to be unreadable when they were looked at last.
async fn look(app: &App, told: &mut Option<String>) -> Result<()> {
    let keys = match app.keyring.is_empty() {
        true => first_or_all(&app.config.sign_in, &app.db).await?,
        false => list(&app.db).await?,
    };
    // Keys that are gone from the database are no reason to forget those that are here.
    if keys.is_empty() {
        return Err(Error::Authentication("the database has no signing key any more".into()));
    }
    let now = app.db.earliest_time().await?;
    let (over, kept): (Vec<_>, Vec<_>) = keys.iter().partition(|key| key.is_over(&keys, now));
    let secret = app.config.sign_in.key_encryption_key.as_ref();
    app.keyring.replace(kept.iter().filter_map(|key| key.for_ring(secret)).collect());
    tell_unreadable(app, &keys, told);
    if !over.is_empty() {
        let numbers: Vec<_> = over.iter().map(|key| key.number).collect();
        let removed = stored::remove(&app.db, &numbers).await?;
        let log = app.loggers.get(LoggerName::App);
        info!(log, "Signing keys removed whose last token has expired"; "context" => context(json!({ "keys": removed })));
    }
    Ok(())
}

/// Once for each key: people cannot sign in while it signs.
fn tell_unreadable(app: &App, keys: &[StoredKey], told: &mut Option<String>) {
    let found = reading::unreadable(keys, app.config.sign_in.key_encryption_key.as_ref());
    let kid = found.as_ref().map(|found| found.key.kid.clone());
    if let Some(Unreadable { key, cause }) = found.filter(|found| told.as_ref() != Some(&found.key.kid)) {
        let log = app.loggers.get(LoggerName::App);
        let details =
            context(json!({ "kid": key.kid, "signs_from": rfc3339(key.signs_from), "reason": cause.to_string() }));
        warn!(log, "A signing key cannot be read: while it signs, nobody can sign in"; "context" => details);
    }
    *told = kid;
}
