//! What is asked of each dependency.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use crate::analytics::Analytics;
use crate::error::Cause;
use crate::mail::Mailer;
use crate::store::{Db, Rehearsal};

/// Asks a dependency whether it can do its work, once.
pub type Probe = Box<dyn Fn() -> Answer + Send + Sync>;
type Answer = BoxFuture<'static, Result<(), Cause>>;

/// How each dependency is asked.
pub struct Probes {
    pub(super) database: Probe,
    pub(super) email: Probe,
    pub(super) analytics: Option<Probe>,
}

impl Probes {
    /// Asks them over the ways that the service itself uses.
    pub fn new(db: &Db, rehearsal: Rehearsal, mailer: &Arc<Mailer>, analytics: Option<&Analytics>) -> Self {
        Probes {
            database: database(db.clone(), rehearsal),
            email: email(Arc::clone(mailer)),
            analytics: analytics.cloned().map(analytics_probe),
        }
    }
}

fn email(mailer: Arc<Mailer>) -> Probe {
    let is_file = mailer.writes_files();
    let ask = move || {
        let mailer = Arc::clone(&mailer);
        async move { mailer.probe().await }.boxed()
    };
    if is_file { lasting(ask) } else { Box::new(ask) }
}

fn analytics_probe(analytics: Analytics) -> Probe {
    Box::new(move || {
        let analytics = analytics.clone();
        async move { analytics.probe().await }.boxed()
    })
}

fn database(db: Db, rehearsal: Rehearsal) -> Probe {
    let is_file = matches!(db, Db::Sqlite { .. });
    let check = move || {
        let db = db.clone();
        async move { db.check(rehearsal).await.map_err(Cause::from) }.boxed()
    };
    if is_file { lasting(check) } else { Box::new(check) }
}

/// A look at a file cannot be called off, only left behind with its thread. One that hangs is waited for by the next
/// checks, which do not look again.
fn lasting(look: impl Fn() -> Answer + Send + Sync + 'static) -> Probe {
    let looking = Arc::new(Mutex::new(None::<JoinHandle<Result<(), Cause>>>));
    Box::new(move || {
        let (looking, answer) = (Arc::clone(&looking), look());
        async move {
            let mut looking = looking.lock().await;
            let seen = looking.get_or_insert_with(|| tokio::spawn(answer)).await;
            *looking = None;
            seen?
        }
        .boxed()
    })
}
