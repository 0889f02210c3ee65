//! What clients of the API are served, and how many users and sessions there are.

use std::sync::Arc;

use http::Method;

use super::profile::{self, UserBody};
use super::registration::{self, Registration, RegistrationHead};
use super::users::{self, UserCounts};
use super::{
    change, directory, email_change, erasure, export, keys, password_change, password_reset, sessions, sign_in, trail,
    verification,
};
use crate::error::Result;
use crate::http::{Accepted, Access, Call, Created, Endpoint, Gives, Json, Output, Response, Unread};
use crate::state::App;
use crate::store::Db;
use crate::telemetry::logging::{Exception, LoggerName, warn};
use crate::telemetry::metrics;

/// What clients of the API are served.
pub fn endpoints() -> Vec<Endpoint<App>> {
    const ABOUT: &str = "Registers a user: 201 once it is durable.";
    let registration = Endpoint::new(Access::Anyone, Method::POST, "/users/", ABOUT, register)
        .limited_by(|app| app.registrations.as_ref())
        .fails_with(registration::FAILS);
    let stories = [
        directory::endpoints(),
        sign_in::endpoints(),
        sessions::endpoints(),
        profile::endpoints(),
        password_change::endpoints(),
        password_reset::endpoints(),
        verification::endpoints(),
        email_change::endpoints(),
        change::endpoints(),
        erasure::endpoints(),
        export::endpoints(),
        trail::endpoints(),
        keys::endpoints(),
    ];
    std::iter::once(registration).chain(stories.into_iter().flatten()).collect()
}

/// What whoever registers is told.
enum Answer {
    /// That there is a user now.
    Created(Created<UserBody>),
    /// Nothing: not whether the address is taken.
    Hidden,
}

impl Output for Answer {
    fn gives() -> Gives {
        let all = [Created::<UserBody>::gives(), Accepted::gives()].into_iter().flat_map(|gives| gives.0);
        Gives(all.collect())
    }

    fn into_response(self) -> Result<Response> {
        match self {
            Answer::Created(created) => created.into_response(),
            Answer::Hidden => Accepted.into_response(),
        }
    }
}

async fn register(call: Call<App>, form: Unread<(RegistrationHead, Json<Registration>)>) -> Result<Answer> {
    let Call { state, context, .. } = call;
    let form = async {
        let read = form.read_by(&context, |body| Registration::parse(body, &state.password_policy));
        let (RegistrationHead { key, accept_language }, registration) = read.await?;
        Ok((key, registration.in_best_language(&accept_language, &state.languages)))
    };
    match registration::register_and_tell(Arc::clone(&state), Arc::clone(&context), form).await? {
        None => Ok(Answer::Hidden),
        Some(user) => {
            let location = format!("/users/{}", user.id);
            Ok(Answer::Created(Created { location, body: user.into() }))
        }
    }
}

/// Keeps `neodyme_users` and `neodyme_sessions` up to date until it is dropped.
pub async fn refresh_counts(app: Arc<App>) {
    let mut ticks = tokio::time::interval(app.config.database.users_refresh_interval);
    loop {
        ticks.tick().await;
        if let Err(error) = count(&app.db).await {
            let exception = Exception::of(&error);
            warn!(app.loggers.get(LoggerName::Db), "Users could not be counted"; "exception" => exception);
        }
    }
}

async fn count(db: &Db) -> Result<()> {
    let UserCounts { active, inactive } = users::count_by_state(db).await?;
    metrics::users(active, inactive);
    metrics::sessions(sessions::count(db).await?);
    Ok(())
}
