//! One of the hosts of an address, and how to connect to it.

use std::time::Duration;

use diesel::QueryResult;
use diesel::result::{DatabaseErrorKind, Error as QueryError};
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::{Client, Config, NoTls, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::pooler::{MARK, Pooler};
use crate::config::{DatabaseConfig, PostgresHost, PostgresUrl};
use crate::store::error::Origin;
use crate::store::error::sqlstate::{code_of, from_driver};
use crate::store::tls;

/// A server is asked whether it still lives after this much silence, (3 times 5 s) before it is given up.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(15);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
const KEEPALIVE_RETRIES: u32 = 3;

/// A transaction whose client has vanished without a word keeps its locks this long.
const IDLE_IN_TRANSACTION: Duration = Duration::from_secs(30);

/// A host.
pub(super) struct Target {
    name: String,
    /// Without options, which do not pass a pooler.
    config: Config,
    options: String,
    tls: Option<MakeRustlsConnect>,
    timeout: Duration,
    origin: Origin,
}

impl Target {
    /// # Errors
    /// A sentence for the operator when no certificate can be trusted.
    pub(super) fn new(
        url: &PostgresUrl,
        host: &PostgresHost,
        settings: &DatabaseConfig,
        origin: &Origin,
    ) -> Result<Self, String> {
        let mut config = url.driver.clone();
        host.apply(&mut config);
        limit(&mut config, settings);
        let tls = tls::connector(url, host, &mut config)?;
        let timeout = config.get_connect_timeout().copied().unwrap_or(settings.connect_timeout);
        Ok(Self {
            name: host.to_string(),
            config,
            options: options(url, settings),
            tls,
            timeout,
            origin: origin.clone(),
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// How long it may take to connect.
    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Connects; without options once they have turned out not to pass.
    pub(super) async fn connect(&self, pooler: &Pooler) -> QueryResult<Client> {
        match tokio::time::timeout(self.timeout, self.find_a_way(pooler)).await {
            Ok(connected) => connected,
            Err(_elapsed) => {
                let what = format!("timed out after {:?}", self.timeout);
                Err(QueryError::DatabaseError(DatabaseErrorKind::UnableToSendCommand, Box::new(what)))
            }
        }
    }

    async fn find_a_way(&self, pooler: &Pooler) -> QueryResult<Client> {
        if pooler.is_between() {
            return self.open(&self.config).await;
        }
        let mut config = self.config.clone();
        match self.open(config.options(&self.options)).await {
            Err(error) if pooler.refuses_options(code_of(&error).unwrap_or_default()) => self.open(&self.config).await,
            opened => opened,
        }
    }

    async fn open(&self, config: &Config) -> QueryResult<Client> {
        let client = match &self.tls {
            Some(tls) => drive(config, tls.clone(), &self.origin).await,
            None => drive(config, NoTls, &self.origin).await,
        };
        client.map_err(from_driver)
    }
}

/// Connects, and leaves the connection's work to a task: it ends with its client, or when the server closes.
async fn drive<T>(config: &Config, tls: T, origin: &Origin) -> Result<Client, tokio_postgres::Error>
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
            log::warn!("{origin}: a connection ended: {}", from_driver(error));
        }
    });
    Ok(client)
}

/// The limits of the settings, unless the URL has its own.
fn limit(config: &mut Config, settings: &DatabaseConfig) {
    let of_driver = Config::new();
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(settings.connect_timeout);
    }
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(settings.connect_timeout);
    }
    if config.get_keepalives_idle() == of_driver.get_keepalives_idle() {
        config.keepalives_idle(KEEPALIVE_IDLE);
    }
    if config.get_keepalives_interval().is_none() {
        config.keepalives_interval(KEEPALIVE_INTERVAL);
    }
    if config.get_keepalives_retries().is_none() {
        config.keepalives_retries(KEEPALIVE_RETRIES);
    }
    if config.get_application_name().is_none() {
        config.application_name("neodyme");
    }
}

/// What the server is told about the session; the last one of a name counts.
fn options(url: &PostgresUrl, settings: &DatabaseConfig) -> String {
    let limits = [settings.query_timeout, settings.query_timeout * 4 / 5, IDLE_IN_TRANSACTION];
    // The wait for a lock ends first, so that an error says which of both it was.
    let [statement, lock, transaction] = limits.map(|limit| limit.as_millis());
    format!(
        "-c {MARK}=direct -c statement_timeout={statement} -c lock_timeout={lock} -c idle_in_transaction_session_timeout={transaction} {}",
        url.options.as_deref().unwrap_or_default(),
    )
    .trim_end()
    .to_owned()
}
