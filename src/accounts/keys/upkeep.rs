//! The keys as they come and go.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use serde_json::json;
use slog::Logger;
use uuid::Uuid;

use super::file;
use super::stored::{self, KeyState, StoredKey, list};
use crate::accounts::actor::Actor;
use crate::accounts::audit;
use crate::clock;
use crate::config::SignInConfig;
use crate::error::{Cause, Error, Result};
use crate::state::App;
use crate::store::Db;
use crate::telemetry::logging::{Exception, LoggerName, context, info, warn};
use crate::tokens::{Keyring, SigningKey};

/// Between two looks at the keys: far less than a new one is published before it signs.
const INTERVAL: Duration = Duration::from_secs(5);

/// The keys of this service: those that are given, or those of its database, where the first instance makes the first one.
///
/// # Errors
/// When the one that signs cannot be read. Where the database cannot be written yet, the first one is made later.
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
            check_signer(config, &keys)?;
            (keys.iter().filter_map(|key| key.for_ring(config.key_encryption_key.as_ref())).collect(), "database")
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

/// One that nobody can read is a mistake to be told at once, and not at each sign-in.
fn check_signer(config: &SignInConfig, keys: &[StoredKey]) -> anyhow::Result<()> {
    let now = clock::now();
    let signer = keys.iter().rfind(|key| key.state(keys, now) == KeyState::Signs);
    let Some(signer) = signer else { return Ok(()) };
    match signer.signing(config.key_encryption_key.as_ref()) {
        Ok(_) => Ok(()),
        Err(cause) => Err(anyhow::Error::from_boxed(cause).context(format!("read the signing key {}", signer.kid))),
    }
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

/// Makes a new key, which signs after `signing_key_lead`, or `at_once`.
///
/// # Errors
/// When keys are given in a file, another new key has not begun to sign, or the database fails.
pub async fn rotate(config: &SignInConfig, db: &Db, at_once: bool) -> anyhow::Result<StoredKey> {
    if let Some(path) = &config.signing_key_file {
        anyhow::bail!("the keys are given: put a new one first in signing_key_file {}", path.display());
    }
    let (keys, now) = (list(db).await?, clock::now());
    if let Some(next) = keys.iter().find(|key| key.state(&keys, now) == KeyState::Next).filter(|_| !at_once) {
        anyhow::bail!("the key {} is published already, and has not begun to sign", next.kid);
    }
    let lead = if at_once || keys.is_empty() { Duration::ZERO } else { config.key_lead };
    ensure!(add_next(config, db, &keys, lead).await?, "somebody else made a new key at the same time");
    let key = list(db).await?.pop().context("the new key is gone")?;
    audit::write(db, Actor::operator().entry("keys.rotated", None::<Uuid>, json!({ "kid": key.kid }))).await?;
    Ok(key)
}

/// Looks at the keys again and again, and removes those that are over, until it is dropped.
pub async fn refresh(app: Arc<App>) {
    if app.config.sign_in.signing_key_file.is_some() {
        return std::future::pending().await;
    }
    let log = app.loggers.get(LoggerName::App);
    let mut ticks = tokio::time::interval(INTERVAL);
    loop {
        ticks.tick().await;
        if let Err(error) = look(&app).await {
            let exception = Exception::named(error.code().as_str(), &error);
            warn!(log, "The signing keys could not be looked at"; "exception" => exception);
        }
    }
}

async fn look(app: &App) -> Result<()> {
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
    if !over.is_empty() {
        let numbers: Vec<_> = over.iter().map(|key| key.number).collect();
        let removed = stored::remove(&app.db, &numbers).await?;
        let log = app.loggers.get(LoggerName::App);
        info!(log, "Signing keys removed whose last token has expired"; "context" => context(json!({ "keys": removed })));
    }
    Ok(())
}
