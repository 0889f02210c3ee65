//! PostgreSQL: one pool, verified TLS to other hosts, and limits for a server that falls silent.

mod connection;
mod pooler;
mod row;
mod statement;

use std::time::Duration;

use deadpool::Runtime;
use deadpool::managed::{Manager, Metrics, Pool, QueueMode, RecycleError, RecycleResult};
use diesel::{ConnectionError, ConnectionResult};
use diesel_async::SimpleAsyncConnection;
use diesel_async::pooled_connection::PoolError;
use tokio_postgres::config::Host;
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::{Config, NoTls, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;
use url::Url;

pub use self::connection::PostgresConn;
use self::pooler::Pooler;
use super::error::Origin;
use super::error::sqlstate::from_driver;
use super::pool::{ConnectionPool, Limits};
use super::tls;
use crate::config::DatabaseConfig;
use crate::error::{DbErrorKind, Result};

/// A server is asked whether it still lives after this much silence, (3 times 5 s) before it is given up.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(15);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
const KEEPALIVE_RETRIES: u32 = 3;

/// A connection that was lent less than this ago is lent again without a question: a round trip before each loan would
/// cost a registration as much as one of its statements.
const REST: Duration = Duration::from_secs(1);

/// What the client waits beyond the server's own `statement_timeout`, so that the server's message wins.
const GRACE: Duration = Duration::from_secs(1);

/// A transaction whose client has vanished without a word keeps its locks this long.
const IDLE_IN_TRANSACTION: Duration = Duration::from_secs(30);

/// The server, and how to connect to it.
#[derive(Clone)]
pub struct PostgresServer {
    config: Config,
    tls: Option<MakeRustlsConnect>,
    pooler: Pooler,
    pub(super) origin: Origin,
}

impl PostgresServer {
    pub(super) fn new(url: &Url, settings: &DatabaseConfig) -> Result<Self> {
        let origin = Origin::new(&name(url));
        let invalid = |what: String| origin.fail(DbErrorKind::Unsuitable, format_args!("database_url: {what}"), None);
        let mut config: Config = tls::without_parameters(url).parse().map_err(|error| invalid(chain(&error)))?;
        limit(&mut config, settings);
        let tls = tls::connector(url, &mut config).map_err(invalid)?;
        Ok(Self { config, tls, pooler: Pooler::default(), origin })
    }

    /// Opens a connection and drives it on a task of its own.
    pub(super) async fn connect(&self) -> ConnectionResult<PostgresConn> {
        let client = match &self.tls {
            Some(tls) => drive(&self.config, tls.clone(), &self.origin).await,
            None => drive(&self.config, NoTls, &self.origin).await,
        };
        let client = client.map_err(|error| ConnectionError::CouldntSetupConfiguration(from_driver(error)))?;
        Ok(PostgresConn::new(client, self.pooler.clone()))
    }

    /// A pool of connections that are opened when needed.
    pub(super) fn pool(&self, settings: &DatabaseConfig) -> Result<ConnectionPool<PostgresManager>> {
        let pool = Pool::builder(PostgresManager(self.clone()))
            .max_size(settings.pool_size.max(1))
            // What was used last is warm, also at the server.
            .queue_mode(QueueMode::Lifo)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(settings.acquire_timeout))
            .create_timeout(Some(settings.connect_timeout))
            .recycle_timeout(Some(settings.acquire_timeout))
            .build()
            .map_err(|error| self.origin.fail(DbErrorKind::Other, "no pool", Some(Box::new(error))))?;
        let limits = Limits {
            acquire: settings.acquire_timeout + settings.connect_timeout,
            answer: settings.query_timeout + GRACE,
        };
        Ok(ConnectionPool::new(pool, self.origin.clone(), Some(limits)))
    }
}

/// Opens connections for the pool. One that rested is asked whether it lives before it is lent again; one whose end the
/// driver has seen is never lent.
pub struct PostgresManager(PostgresServer);

impl Manager for PostgresManager {
    type Type = PostgresConn;
    type Error = PoolError;

    async fn create(&self) -> std::result::Result<PostgresConn, PoolError> {
        // On the heap: every query would carry its state, which is that of TLS and of authentication.
        Box::pin(self.0.connect()).await.map_err(PoolError::ConnectionError)
    }

    async fn recycle(&self, conn: &mut PostgresConn, metrics: &Metrics) -> RecycleResult<PoolError> {
        if conn.is_closed() {
            return Err(RecycleError::message("closed"));
        }
        match metrics.last_used() < REST {
            true => Ok(()),
            false => conn.batch_execute("").await.map_err(|error| PoolError::QueryError(error).into()),
        }
    }
}

/// Connects, and leaves the connection's work to a task: it ends with its client, or when the server closes.
async fn drive<T>(
    config: &Config,
    tls: T,
    origin: &Origin,
) -> std::result::Result<tokio_postgres::Client, tokio_postgres::Error>
where
    T: MakeTlsConnect<Socket>,
    T::Stream: Send + 'static,
    T::TlsConnect: Send,
    <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
{
    let (client, connection) = config.connect(tls).await?;
    let origin = origin.clone();
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            log::warn!("{origin}: a connection ended: {}", chain(&error));
        }
    });
    Ok(client)
}

/// The limits of the settings, unless the URL has its own.
fn limit(config: &mut Config, settings: &DatabaseConfig) {
    config.connect_timeout(settings.connect_timeout);
    config
        .keepalives_idle(KEEPALIVE_IDLE)
        .keepalives_interval(KEEPALIVE_INTERVAL)
        .keepalives_retries(KEEPALIVE_RETRIES);
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(settings.connect_timeout);
    }
    if config.get_application_name().is_none() {
        config.application_name("neodyme");
    }
    let options = format!(
        "-c statement_timeout={} -c idle_in_transaction_session_timeout={} {}",
        settings.query_timeout.as_millis(),
        IDLE_IN_TRANSACTION.as_millis(),
        config.get_options().unwrap_or_default(),
    );
    config.options(options.trim_end());
}

/// The database without user and password.
fn name(url: &Url) -> String {
    let host = url.host_str().filter(|host| !host.is_empty()).unwrap_or("its socket");
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("PostgreSQL database {} at {host}{port}", url.path().trim_start_matches('/'))
}

/// An error with its causes, which this driver's messages lack.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// Is this host the machine itself?
pub(super) fn is_local(host: &Host) -> bool {
    match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            let address = name.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
            name == "localhost" || address.is_ok_and(|address| address.is_loopback())
        }
    }
}
