//! `neodyme migrate`: brings the database's tables up to date.

use super::output::print;
use super::runtime::block_on;
use crate::config::{Config, DatabaseConfig};
use crate::error::Result;
use crate::store::Db;

pub(super) fn run(config: &Config) -> anyhow::Result<()> {
    match block_on(migrate(&config.database))??.as_slice() {
        [] => print("migrations: up to date\n"),
        names => print(format_args!("migrations applied:\n  {}\n", names.join("\n  "))),
    }
}

async fn migrate(config: &DatabaseConfig) -> Result<Vec<String>> {
    Db::connect(config).await?.migrate().await
}
