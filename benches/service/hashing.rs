//! The reference for registrations: the service's own hash pool in this process, with nothing around it.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use load_generator::Caller;
use neodyme::config::{Config, Sources};
use neodyme::password::HashPool;
use neodyme::values::Password;

use crate::load::{CLIENTS, Slice, drive};

/// Where the load comes from, here as over HTTP.
const LOAD: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// The pool with the default settings.
pub struct Hashing(Arc<HashPool>);

impl Hashing {
    /// Starts the pool.
    pub fn start() -> anyhow::Result<Hashing> {
        let config = Config::load(&Sources::default())?;
        Ok(Hashing(Arc::new(HashPool::start(&config.password)?)))
    }

    /// A slice of hashes with as many callers as there are clients in a registration slice.
    pub async fn run(&self, length: Duration) -> anyhow::Result<Slice> {
        self.run_with(CLIENTS, length).await
    }

    /// A slice of hashes with so many callers.
    pub async fn run_with(&self, callers: usize, length: Duration) -> anyhow::Result<Slice> {
        drive((0..callers).map(|_| Hasher(Arc::clone(&self.0))).collect(), length).await
    }
}

struct Hasher(Arc<HashPool>);

impl Caller for Hasher {
    type Outcome = ();

    async fn call(&mut self) -> anyhow::Result<()> {
        let password = Password::parse("correct horse").map_err(|fault| anyhow!("{}", fault.message))?;
        self.0.hash(LOAD.into(), password).await?;
        Ok(())
    }
}
