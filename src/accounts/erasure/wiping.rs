//! Who was erased leaves the files of the database: in the background, and at the next start where the service ended before that.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::sync::Mutex;
use uuid::Uuid;

use super::{Erased, unwiped, wipe};
use crate::error::Result;
use crate::state::App;
use crate::store::Db;
use crate::telemetry::logging::{Exception, LoggerName, context, info, warn};

/// The first pause before it is tried anew, and the longest.
const PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// One look through the file at a time.
static WIPING: Mutex<()> = Mutex::const_new(());

/// What is to leave the files.
enum Left {
    Of(Box<Erased>),
    /// Of users whose address nobody knows any more, so that it cannot be looked for.
    OfThese(Vec<Uuid>),
}

impl Left {
    async fn wipe(&self, db: &Db) -> Result<bool> {
        let _only = WIPING.lock().await;
        match self {
            Left::Of(erased) => wipe(db, erased).await,
            Left::OfThese(_) if !db.wipe_all().await? => Ok(false),
            Left::OfThese(users) => unwiped::remove(db, users).await.map(|()| true),
        }
    }
}

/// Takes a user out of the files of the database, as soon as nobody reads what is to go.
pub(in crate::accounts) async fn wipe_out(app: Arc<App>, erased: Erased) {
    until_done(&app, &Left::Of(Box::new(erased))).await;
}

/// Does what was left to do when the service ended: the whole file is written anew.
pub async fn make_up_for_wipes(app: Arc<App>) {
    let log = app.loggers.get(LoggerName::Db);
    let users = match unwiped::list(&app.db).await {
        Ok(users) if users.is_empty() => return,
        Ok(users) => users,
        Err(error) => {
            let exception = Exception::named(error.code().as_str(), &error);
            warn!(log, "Whether the database's file holds erased users is not known"; "exception" => exception);
            return;
        }
    };
    let details = json!({ "users": users.len() });
    info!(log, "The database's file is written anew: it may hold erased users"; "context" => context(&details));
    until_done(&app, &Left::OfThese(users)).await;
    info!(log, "The database's file was written anew"; "context" => context(&details));
}

async fn until_done(app: &App, left: &Left) {
    let log = app.loggers.get(LoggerName::Db);
    let mut pause = PAUSE;
    loop {
        match left.wipe(&app.db).await {
            Ok(true) => return,
            Ok(false) => {}
            Err(error) => {
                warn!(log, "The database's file may still hold a user who was erased"; "exception" => Exception::of(&error));
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
