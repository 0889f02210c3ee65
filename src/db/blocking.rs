//! Where SQLite works: on threads that may block.

use std::error::Error;
use std::future::ready;
use std::panic::{AssertUnwindSafe, catch_unwind};

use diesel::SqliteConnection;
use diesel_async::sync_connection_wrapper::{SpawnBlocking, SyncConnectionWrapper};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::block_in_place;

tokio::task_local! {
    /// This thread may block.
    static IN_PLACE: ();
}

/// Does all the statements of this work on the thread on which it happens to be, which no longer drives other tasks then:
/// threads are woken once, instead of twice for each statement. Nothing else of the task goes on meanwhile, not even a
/// timeout, so this is for tasks that run to their end, and for work that waits for nothing but its statements.
pub(super) async fn in_place<T>(work: impl Future<Output = T>) -> T {
    let runtime = Handle::current();
    match runtime.runtime_flavor() {
        RuntimeFlavor::MultiThread => block_in_place(|| IN_PLACE.sync_scope((), || runtime.block_on(work))),
        _ => work.await,
    }
}

trait Runtime {
    type Runtime;
}

impl<C, S> Runtime for SyncConnectionWrapper<C, S> {
    type Runtime = S;
}

/// Chooses the thread for a statement: this one within [`in_place`], one of the runtime's for blocking work otherwise.
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
