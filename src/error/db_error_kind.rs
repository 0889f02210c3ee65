//! The kinds of failures of a database. What they mean, and what to do: docs/DATABASE.md.

use crate::label::labels;

labels! {
    /// Where a database failure comes from.
    pub enum DbErrorKind("kind") {
        /// No connection could be had, or it broke.
        Connection = "connection",
        /// No connection, or no answer to a statement, within its limit.
        Timeout = "timeout",
        /// All connections of the pool were busy for too long.
        PoolExhausted = "pool_exhausted",
        /// The server has no connection left.
        ConnectionsExhausted = "connections_exhausted",
        /// Another transaction held a lock for too long.
        Lock = "lock",
        /// The name of its host is not known.
        Dns = "dns",
        /// No trusted TLS.
        Tls = "tls",
        /// A constraint refused the change.
        Constraint = "constraint",
        /// The database chose this transaction as the victim of a deadlock.
        Deadlock = "deadlock",
        /// Concurrent transactions could not be put in an order.
        Serialization = "serialization",
        /// SQLite: another process holds the write lock.
        Busy = "busy",
        /// It accepts no writes: a standby, or a file or server that is read-only.
        ReadOnly = "read_only",
        /// There is no space left.
        DiskFull = "disk_full",
        /// A right is missing.
        Permission = "permission",
        /// File descriptors or memory are used up.
        Resources = "resources",
        /// It refuses this user or knows no such database, or cannot be trusted.
        Refused = "refused",
        /// A table, or a part of one, is missing or too many.
        Schema = "schema",
        /// It is none that neodyme can work with: another kind of file, a newer schema, an encoding that cannot hold every
        /// name, an address that means nothing.
        Unsuitable = "unsuitable",
        /// Its data are damaged.
        Damaged = "damaged",
        /// Anything else.
        Other = "other",
    }
}
