//! The PostgreSQL server of the measurements: the cluster of the tests, made as durable as a real one.

#[allow(dead_code, reason = "the tests use more of it")]
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "without a server there is nothing to measure"
)]
#[path = "../../tests/common/postgres.rs"]
mod cluster;
#[allow(dead_code, reason = "the tests use more of it")]
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "without a server there is nothing to measure"
)]
#[path = "../../tests/common/programs.rs"]
mod programs;

use tokio_postgres::NoTls;

pub use cluster::Cluster;

/// What the tests relax for their speed.
const DURABLE: [&str; 4] = [
    "ALTER SYSTEM SET fsync = on",
    "ALTER SYSTEM SET full_page_writes = on",
    "ALTER SYSTEM SET autovacuum = on",
    "SELECT pg_reload_conf()",
];

/// Starts a cluster with an empty database in it, and returns the URL of the database too.
pub async fn start() -> anyhow::Result<(Cluster, String)> {
    let cluster = tokio::task::spawn_blocking(Cluster::start).await?;
    let url = cluster.create_database();
    let (client, connection) = tokio_postgres::connect(&url, NoTls).await?;
    let connection = tokio::spawn(connection);
    for statement in DURABLE {
        client.batch_execute(statement).await?;
    }
    drop(client);
    connection.await??;
    Ok((cluster, url))
}
