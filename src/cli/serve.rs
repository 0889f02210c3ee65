//! `neodyme serve`: runs the service until it is told to stop.

use crate::config::Config;

pub(super) fn run(config: Config) -> anyhow::Result<()> {
    crate::serve::run(config)
}
