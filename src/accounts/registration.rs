//! A registration: validate → check existing → hash the password → one transaction → the user exists; what
//! follows (mail, analytics) is the outbox's.
//!
//! A client that goes away ends the steps before the transaction; the transaction itself always runs to its end, so that
//! what is counted is what happened. The check is a courtesy to clients: uniqueness is the database's.

mod analytics_event;
mod attempt;
mod events;
mod form;
mod welcome_email;

use std::future::ready;
use std::sync::Arc;

use futures_util::{FutureExt, TryFutureExt};
use uuid::Uuid;

pub use self::analytics_event::AnalyticsEvent;
use self::attempt::Attempt;
pub use self::form::Registration;
pub use self::welcome_email::{NewcomerPayload, WelcomeEmail};
use crate::accounts::audit::{self, AuditEntry};
use crate::accounts::new_password;
use crate::accounts::users::{self, Role, User};
use crate::analytics::{Event, EventName};
use crate::clock;
use crate::error::{Error, Result};
use crate::http::Context;
use crate::outbox::{NewJob, job};
use crate::password::PasswordHash;
use crate::state::App;
use crate::store::types;
use crate::telemetry::metrics::Step;
use crate::values::Origin;

/// Registers a user, whose form is still to be read: that is the first step.
///
/// # Errors
/// What is wrong with the form, [`Error::EmailAlreadyExists`], or what keeps the service from doing its work.
pub async fn register(
    app: Arc<App>,
    context: Arc<Context>,
    form: impl Future<Output = Result<Registration>>,
) -> Result<User> {
    let mut attempt = Attempt::begin(context);
    match prepare(&app, &mut attempt, form).await {
        Ok(user) => {
            let creation = async move {
                let created = create(&app, &attempt, &user).await;
                attempt.end(created.map(|()| user))
            };
            tokio::spawn(creation).await.map_err(|failure| Error::Internal(failure.to_string()))?
        }
        Err(error) => attempt.end(Err(error)),
    }
}

/// Everything before the transaction.
async fn prepare(app: &App, attempt: &mut Attempt, form: impl Future<Output = Result<Registration>>) -> Result<User> {
    let registration = attempt.step(Step::Validate, validated(app, &attempt.context, form)).await?;
    attempt.identify(&registration.email, app.config.log.full_emails);
    // What will be refused is refused before the database is asked.
    if let Err(refused) = app.hash_pool.admit(attempt.context.client) {
        return attempt.step(Step::HashPassword, ready(Err(refused))).await;
    }
    attempt
        .step(Step::CheckExisting, async {
            let _turn = app.db.turn(attempt.context.client).await?;
            let exists = users::email_exists(&app.db, registration.email.key()).await?;
            if exists { Err(Error::EmailAlreadyExists) } else { Ok(()) }
        })
        .await?;
    let hash = app.hash_pool.hash(attempt.context.client, registration.password.as_password().clone());
    let hash = attempt.step(Step::HashPassword, hash).await?;
    Ok(new_user(&registration, &hash))
}

/// What is wrong with the form itself is said before anybody outside is asked about its password.
async fn validated(
    app: &App,
    context: &Context,
    form: impl Future<Output = Result<Registration>>,
) -> Result<Registration> {
    let registration = form.await?;
    new_password::check_breaches(app, context, &registration.password, "password").await?;
    Ok(registration)
}

fn new_user(registration: &Registration, hash: &PasswordHash) -> User {
    let now = types::to_micros(clock::now());
    User {
        id: Uuid::now_v7(),
        email: registration.email.expose().into(),
        email_key: registration.email.key().into(),
        full_name: registration.full_name.expose().into(),
        password_hash: hash.expose().into(),
        is_active: true,
        created_at: now,
        updated_at: now,
        email_verified_at: None,
        role: Role::User,
    }
}

/// The transaction: the user, the audit row and the jobs that follow, or nothing.
async fn create(app: &App, attempt: &Attempt, user: &User) -> Result<()> {
    let origin = attempt.context.origin();
    let (user, entry, jobs) = (
        user.clone(),
        AuditEntry::new("user.registered", audit::ANONYMOUS, user.id, &origin, user.created_at),
        jobs(app, user, &origin),
    );
    let (id, queued) = (user.id, jobs.clone());
    let creation = app.db.transaction(move |tx| {
        tx.insert(user);
        tx.insert(entry);
        queued.into_iter().for_each(|job| tx.insert(job));
        async { Ok(()) }.boxed()
    });
    attempt.step(Step::CreateUser, creation.map_err(users::as_address_taken)).await?;
    // Not before: a line that names a user names one that exists.
    attempt.context.set_user_id(id);
    app.outbox.committed(&jobs);
    attempt.queued(&jobs);
    Ok(())
}

/// What follows: the mail, and the event where there is a service for it.
fn jobs(app: &App, user: &User, origin: &Origin) -> Vec<NewJob> {
    let newcomer =
        NewcomerPayload { email: user.email.expose().to_owned(), full_name: user.full_name.expose().to_owned() };
    let mut jobs = vec![job::<WelcomeEmail>(&newcomer, Some(user.id), origin, user.created_at)];
    if app.config.analytics.base_url.is_some() {
        let event = Event { event: EventName::UserRegistered, user_id: user.id, occurred_at: user.created_at };
        jobs.push(job::<AnalyticsEvent>(&event, Some(user.id), origin, user.created_at));
    }
    jobs
}
