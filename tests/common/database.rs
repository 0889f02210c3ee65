//! The database behind an app under test, and a look into it past the app.

use std::path::{Path, PathBuf};

use diesel::connection::SimpleConnection;
use diesel::{Connection, QueryableByName, RunQueryDsl, SqliteConnection};
use neodyme::config::{Config, DatabaseUrl, Sources};
use neodyme::store::Db;
use tokio::task::JoinHandle;
use tokio_postgres::{Client, NoTls};

use super::postgres::Cluster;

/// A kind of database that the service runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// The embedded default.
    Sqlite,
    /// A database of the shared cluster.
    Postgres,
}

/// A database of one test.
#[derive(Clone, Debug)]
pub enum Database {
    /// A file.
    Sqlite(PathBuf),
    /// A URL.
    Postgres(String),
}

impl Database {
    /// A new, empty database; a SQLite file lies in `folder`.
    pub fn create(backend: Backend, folder: &Path) -> Database {
        match backend {
            Backend::Sqlite => Database::Sqlite(folder.join("data/neodyme.db")),
            Backend::Postgres => Database::Postgres(Cluster::shared().create_database()),
        }
    }

    /// What `NEODYME_DATABASE_URL` says.
    pub fn url(&self) -> String {
        match self {
            Database::Sqlite(path) => format!("sqlite://{}", path.display()),
            Database::Postgres(url) => url.clone(),
        }
    }

    /// The first column of a query's rows, which must be text.
    pub async fn texts(&self, sql: &str) -> Vec<String> {
        match self {
            Database::Sqlite(path) => sqlite_texts(path, sql),
            Database::Postgres(url) => postgres_texts(url, sql).await,
        }
    }

    /// Runs a statement past the app.
    pub async fn execute(&self, sql: &str) {
        match self {
            Database::Sqlite(path) => open_sqlite(path).batch_execute(sql).unwrap(),
            Database::Postgres(url) => open_postgres(url).await.0.batch_execute(sql).await.unwrap(),
        }
    }

    /// Puts the times in a column of all rows that have one back by so many seconds, or forth if they are below 0.
    pub async fn set_back(&self, table: &str, column: &str, seconds: i64) {
        let earlier = match self {
            Database::Sqlite(_) => format!("{column} - {seconds} * 1000000"),
            Database::Postgres(_) => format!("{column} - interval '{seconds} seconds'"),
        };
        self.execute(&format!("UPDATE {table} SET {column} = {earlier}")).await;
    }

    /// A connection as the app has it.
    pub async fn connect(&self) -> Db {
        let mut config = Config::load(&Sources::default()).unwrap().database;
        config.url = DatabaseUrl::parse(&self.url()).unwrap();
        Db::connect(&config).await.unwrap()
    }

    /// The addresses of all users.
    pub async fn emails(&self) -> Vec<String> {
        self.texts("SELECT email AS text FROM users ORDER BY email").await
    }

    /// How many rows a table has.
    pub async fn count(&self, table: &str) -> usize {
        let rows = self.texts(&format!("SELECT CAST(count(*) AS text) AS text FROM {table}")).await;
        rows[0].parse().unwrap()
    }
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = diesel::sql_types::Text)]
    text: String,
}

/// A connection past the app. It waits for the locks of the app, whose workers write at any moment.
pub fn open_sqlite(path: &Path) -> SqliteConnection {
    let mut connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    connection.batch_execute("PRAGMA busy_timeout = 10000").unwrap();
    connection
}

/// A session past the app, and what ends with it.
pub async fn open_postgres(url: &str) -> (Client, JoinHandle<Result<(), tokio_postgres::Error>>) {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    (client, tokio::spawn(connection))
}

fn sqlite_texts(path: &Path, sql: &str) -> Vec<String> {
    let mut connection = open_sqlite(path);
    let rows: Vec<Row> = diesel::sql_query(sql).load(&mut connection).unwrap();
    rows.into_iter().map(|row| row.text).collect()
}

async fn postgres_texts(url: &str, sql: &str) -> Vec<String> {
    let (client, connection) = open_postgres(url).await;
    let rows = client.query(sql, &[]).await.unwrap();
    drop(client);
    connection.await.unwrap().unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}
