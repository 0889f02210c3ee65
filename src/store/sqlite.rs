//! SQLite: one writer, a few readers, and every commit on the disk before it is acknowledged.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::mem::ManuallyDrop;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use deadpool::Runtime;
use deadpool::managed::Pool;
use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel::{ConnectionError, ConnectionResult};
use diesel_async::pooled_connection::{AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod};
use diesel_async::sync_connection_wrapper::SyncConnectionWrapper;
use futures_util::FutureExt;

use super::blocking::Threads;
use super::error::Origin;
use super::pool::ConnectionPool;
use crate::config::DatabaseConfig;
use crate::error::{DbErrorKind, Result};

pub(crate) type SqliteConn = SyncConnectionWrapper<SqliteConnection, Threads>;
pub(crate) type SqliteManager = AsyncDieselConnectionManager<SqliteConn>;

/// More readers than this gain nothing (a query takes microseconds of CPU) and cost a page cache and a thread each.
const MAX_READERS: usize = 4;
/// Between two tries at what others keep locked.
const LOOK_AGAIN: Duration = Duration::from_millis(5);
/// What SQLite appends to the name of the file for those beside it.
const BESIDE: [&str; 2] = ["-wal", "-shm"];
/// The right of its owner to write a file.
const OWNER_WRITES: u32 = 0o200;

/// What a connection is for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Role {
    Writer,
    Reader,
}

/// The database file.
#[derive(Clone, Debug)]
pub struct SqliteFile {
    path: PathBuf,
    busy_timeout: Duration,
    /// The device and the number of the file, once it was opened.
    opened: Arc<OnceLock<(u64, u64)>>,
    /// The file for a look past SQLite. It stays open for good: to close it would drop the locks that this process holds on it.
    looked_into: Arc<OnceLock<ManuallyDrop<File>>>,
    pub(crate) origin: Origin,
}

impl SqliteFile {
    pub(crate) fn new(path: &Path, busy_timeout: Duration) -> Self {
        // Absolute, also because SQLite takes names such as `:memory:` and `file:` for something else.
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let origin = Origin::of_file(&path);
        Self { path, busy_timeout, opened: Arc::default(), looked_into: Arc::default(), origin }
    }

    /// Creates the folder (mode 0700) and the file (mode 0600) where they are missing.
    pub(crate) fn create(&self) -> Result<()> {
        if let Some(folder) = self.path.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|error| {
                let folder = folder.display();
                let what = format_args!("cannot create the folder {folder}; create it, or check database_url");
                self.origin.file_failed(what, error)
            })?;
        }
        // An existing file is left to SQLite: to close it here would drop the locks that this process holds on it.
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&self.path) {
            Ok(_created) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && self.path.is_dir() => {
                Err(self.origin.fail(DbErrorKind::Unsuitable, "this is a folder; name a file in database_url", None))
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(self.origin.file_failed("cannot create it", error)),
        }
    }

    /// Is there another file now at the path of that which was opened, or none?
    pub(crate) fn is_replaced(&self) -> bool {
        self.opened.get().is_some_and(|opened| self.identity() != Some(*opened))
    }

    /// For how long a statement waits for what others keep locked, in milliseconds.
    pub(super) fn busy_timeout_millis(&self) -> u128 {
        self.busy_timeout.as_millis()
    }

    /// Looks at the bytes of the file.
    pub(super) fn look_into<T>(&self, look: impl FnOnce(&File) -> io::Result<T>) -> io::Result<T> {
        if self.looked_into.get().is_none() {
            let file = ManuallyDrop::new(File::open(&self.path)?);
            // Where another was faster, that one stays open as well.
            let _ = self.looked_into.set(file);
        }
        self.looked_into.get().map_or_else(|| Err(io::ErrorKind::NotFound.into()), |file| look(file))
    }

    fn identity(&self) -> Option<(u64, u64)> {
        let found = self.path.metadata().ok()?;
        Some((found.dev(), found.ino()))
    }

    /// Opens a connection.
    pub(crate) fn open(&self, role: Role) -> ConnectionResult<SqliteConnection> {
        let Some(path) = self.path.to_str() else {
            return Err(ConnectionError::InvalidConnectionUrl("its path is not UTF-8".into()));
        };
        // SQLite would make a new, empty one; and to another it would add what the log of this one holds.
        match self.identity() {
            Some(found) if found == *self.opened.get_or_init(|| found) => {}
            Some(_) => return Err(ConnectionError::BadConnection("another file is in its place".into())),
            None => return Err(ConnectionError::BadConnection("the file is gone".into())),
        }
        self.mend_modes();
        let mut conn = SqliteConnection::establish(path)?;
        let failed = ConnectionError::CouldntSetupConfiguration;
        // First, so that the statements that follow wait as well.
        conn.batch_execute(&format!("PRAGMA busy_timeout = {}", self.busy_timeout.as_millis())).map_err(failed)?;
        match role {
            Role::Writer => {
                let mode = self.switch_to_wal(&mut conn).map_err(failed)?;
                if mode != "wal" {
                    return Err(ConnectionError::BadConnection(format!(
                        "no write-ahead log here (journal_mode is {mode}); put it on a local disk"
                    )));
                }
                conn.batch_execute(WRITER)
            }
            Role::Reader => conn.batch_execute(READER),
        }
        .map_err(failed)?;
        Ok(conn)
    }

    /// SQLite makes the files beside the database with its mode. Those that it made while the database could not be written
    /// would stay read-only for good.
    fn mend_modes(&self) {
        let Ok(file) = self.path.canonicalize() else { return };
        let mode_of =
            |path: &Path| path.symlink_metadata().ok().filter(fs::Metadata::is_file).map(|found| found.mode());
        let Some(mode) = mode_of(&file).filter(|mode| mode & OWNER_WRITES != 0) else { return };
        for name in BESIDE {
            let mut beside = file.clone().into_os_string();
            beside.push(name);
            if mode_of(Path::new(&beside)).is_some_and(|mode| mode & OWNER_WRITES == 0) {
                // Only their owner may. To anybody else SQLite says what is missing.
                let _ = fs::set_permissions(&beside, Permissions::from_mode(mode & 0o777));
            }
        }
    }

    /// SQLite does not wait here for others that do the same to a new database: so we do.
    fn switch_to_wal(&self, conn: &mut SqliteConnection) -> QueryResult<String> {
        let deadline = Instant::now() + self.busy_timeout;
        loop {
            match sql::<Text>("PRAGMA journal_mode = WAL").get_result(conn) {
                Err(error) if error.to_string().contains("locked") && Instant::now() < deadline => {
                    std::thread::sleep(LOOK_AGAIN);
                }
                switched => return switched,
            }
        }
    }

    /// A pool of connections that are opened when needed.
    pub(crate) fn pool(&self, role: Role, config: &DatabaseConfig) -> Result<ConnectionPool<SqliteManager>> {
        let size = match role {
            Role::Writer => 1,
            Role::Reader => config.pool_size.clamp(1, MAX_READERS),
        };
        let file = self.clone();
        let mut manager_config = ManagerConfig::default();
        manager_config.recycling_method = RecyclingMethod::Fast;
        manager_config.custom_setup = Box::new(move |_| {
            let file = file.clone();
            async move {
                let conn = tokio::task::spawn_blocking(move || file.open(role)).await;
                conn.unwrap_or_else(|error| Err(ConnectionError::BadConnection(error.to_string())))
                    .map(SyncConnectionWrapper::new)
            }
            .boxed()
        });
        let pool = Pool::builder(SqliteManager::new_with_config("", manager_config))
            .max_size(size)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(config.acquire_timeout))
            .build()
            .map_err(|error| self.origin.fail(DbErrorKind::Other, "no pool", Some(Box::new(error))))?;
        Ok(ConnectionPool::new(pool, self.origin.clone(), None))
    }
}

/// FULL: a commit is on the disk when it returns. What is deleted is overwritten. The page cache is bounded (KiB) and nothing is
/// mapped into memory.
const WRITER: &str = "
    PRAGMA synchronous = FULL;
    PRAGMA secure_delete = ON;
    PRAGMA foreign_keys = ON;
    PRAGMA cache_size = -2000;
    PRAGMA mmap_size = 0;";

const READER: &str = "
    PRAGMA query_only = ON;
    PRAGMA cache_size = -1000;
    PRAGMA mmap_size = 0;";

#[cfg(test)]
mod tests {
    use diesel::sql_types::BigInt;

    use super::*;

    #[test]
    fn connections_are_durable_and_readers_cannot_write() {
        let folder = tempfile::tempdir().unwrap();
        let file = SqliteFile::new(&folder.path().join("neodyme.db"), Duration::from_secs(1));
        file.create().unwrap();
        let mut writer = file.open(Role::Writer).unwrap();
        let mut reader = file.open(Role::Reader).unwrap();
        for (pragma, value) in [("synchronous", 2), ("foreign_keys", 1), ("query_only", 0), ("mmap_size", 0)] {
            assert_eq!(get(&mut writer, pragma), value, "{pragma}");
        }
        for (conn, timeout) in [(&mut writer, 1_000), (&mut reader, 1_000)] {
            let set: i64 = sql::<BigInt>("SELECT timeout FROM pragma_busy_timeout").get_result(conn).unwrap();
            assert_eq!(set, timeout);
        }
        assert_eq!(get(&mut reader, "query_only"), 1);
        assert!(reader.batch_execute("CREATE TABLE t (x)").is_err());
        writer.batch_execute("CREATE TABLE t (x)").unwrap();
    }

    fn get(conn: &mut SqliteConnection, pragma: &str) -> i64 {
        sql::<BigInt>(&format!("PRAGMA {pragma}")).get_result(conn).unwrap()
    }
}
