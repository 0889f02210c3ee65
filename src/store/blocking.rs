//! Where SQLite works: on threads that may block.

use std::error::Error;
use std::future::ready;
use std::panic::{AssertUnwindSafe, catch_unwind};

use diesel::SqliteConnection;
use diesel_async::sync_connection_wrapper::{SpawnBlocking, SyncConnectionWrapper};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;

tokio::task_local! {
    /// This thread may block.
    static IN_PLACE: ();
}

/// Does all the statements of this work on one thread, to their end: it is woken once, instead of once for each of them.
pub(crate) async fn on_one_thread(work: impl Future<Output = ()> + Send + 'static) {
    let runtime = Handle::current();
    let done = spawn_blocking(move || IN_PLACE.sync_scope((), || runtime.block_on(work))).await;
    if let Err(failure) = done {
        log::error!("work on the database was not done: {failure}");
    }
}

trait Runtime {
    type Runtime;
}

impl<C, S> Runtime for SyncConnectionWrapper<C, S> {
    type Runtime = S;
}

/// Chooses the thread for a statement: this one within [`on_one_thread`], one of the runtime's for blocking work otherwise.
pub struct Threads(<SyncConnectionWrapper<SqliteConnection> as Runtime>::Runtime);

impl SpawnBlocking for Threads {
    fn spawn_blocking<'a, R>(
        &mut self,
        task: impl FnOnce() -> R + Send + 'static,
    ) -> BoxFuture<'a, Result<R, Box<dyn Error + Send + Sync>>>
    where
        R: Send + 'static,
    {
        if IN_PLACE.try_with(|()| ()).is_err() {
            return self.0.spawn_blocking(task);
        }
        let done = catch_unwind(AssertUnwindSafe(task));
        ready(done.map_err(|_| "a statement panicked".into())).boxed()
    }

    fn get_runtime() -> Self {
        Threads(SpawnBlocking::get_runtime())
    }
}
