//! A registration: validate → check existing → hash the password → one transaction → the user exists; what
//! follows (mail, analytics) is the outbox's.
//!
//! A client that goes away ends the steps before the transaction; the transaction itself always runs to its end, so that
//! what is counted is what happened. The check is a courtesy to clients: uniqueness is the database's.

mod analytics_event;
mod attempt;
mod events;
mod form;
mod language;
mod repeat;
mod telling;
mod welcome_email;

use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{FutureExt, TryFutureExt};
use uuid::Uuid;

pub use self::analytics_event::AnalyticsEvent;
use self::attempt::{Attempt, Registered};
pub use self::form::Registration;
pub use self::language::RegistrationHead;
use self::repeat::{First, Repeatable};
pub use self::repeat::{IdempotencyKey, prune_keys};
pub use self::telling::{FAILS, register_and_tell};
pub use self::welcome_email::{NewcomerPayload, WelcomeEmail};
use crate::accounts::account_email::AccountEmail;
use crate::accounts::audit::{self, AuditEntry};
use crate::accounts::codes::Code;
use crate::accounts::new_password;
use crate::accounts::sign_in::NobodysFailures;
use crate::accounts::users::{self, Role, User};
use crate::accounts::webhooks::Webhooks;
use crate::analytics::{Event, EventName};
use crate::clock;
use crate::error::{DbErrorKind, Error, Result};
use crate::http::Context;
use crate::mail::MailKind;
use crate::outbox::{NewJob, job};
use crate::password::PasswordHash;
use crate::state::App;
use crate::store::{Db, is_outcome_unknown, types};
use crate::telemetry::metrics::Step;
use crate::values::Origin;

/// How long it waits before it asks for what it may have written, and then before each time that it asks again.
const PAUSES_MS: [u64; 5] = [0, 100, 400, 1600, 5000];

/// What is read of a request: whether it may be sent again, and whom it registers.
pub type Form = (IdempotencyKey, Registration);

/// A user who is to be registered.
struct Newcomer {
    user: User,
    registration: Registration,
    sent: Option<Repeatable>,
    /// Whether the address is somebody else's, which whoever registers is not told.
    is_taken: bool,
    /// The user whom the same request registered before, where it is not told which requests did.
    before: Option<User>,
}

/// What there is to do for a registration that may go on.
enum Prepared {
    New(Box<Newcomer>),
    Repeated(User),
}

/// Registers a user, whose form is still to be read: that is the first step.
///
/// # Errors
/// What is wrong with the form, [`Error::EmailAlreadyExists`], [`Error::IdempotencyKeyReused`], or what keeps the service from
/// doing its work.
pub async fn register(app: Arc<App>, context: Arc<Context>, form: impl Future<Output = Result<Form>>) -> Result<User> {
    let mut attempt = Attempt::begin(context);
    match prepare(&app, &mut attempt, form).await {
        Ok(Prepared::New(newcomer)) => {
            let creation = async move {
                let registered = create_or_repeat(&app, &attempt, *newcomer).await;
                attempt.end(registered)
            };
            tokio::spawn(creation).await.map_err(|failure| Error::Internal(failure.to_string()))?
        }
        Ok(Prepared::Repeated(user)) => attempt.end(Ok(Registered::Before(user))),
        Err(error) => attempt.end(Err(error)),
    }
}

/// Everything before the transaction.
async fn prepare(app: &App, attempt: &mut Attempt, form: impl Future<Output = Result<Form>>) -> Result<Prepared> {
    let (key, registration) = attempt.step(Step::Validate, validated(app, &attempt.context, form)).await?;
    attempt.identify(&registration.email, app.config.log.full_emails);
    // What will be refused is refused before the database is asked.
    if let Err(refused) = app.hash_pool.admit(attempt.context.client) {
        return attempt.step(Step::HashPassword, ready(Err(refused))).await;
    }
    let key = if tells_of_taken(app) { key } else { key.of_body() };
    let sent = key.with(&registration, &app.login_key);
    let check = check_existing(app, attempt, &registration, sent.as_ref());
    let Existing { is_taken, first } = attempt.step(Step::CheckExisting, check).await?;
    let before = match (first, &sent) {
        (Some(first), Some(sent)) if tells_of_taken(app) => {
            let answer = first.answer(app, &attempt.context, sent, &registration);
            return attempt.step(Step::HashPassword, answer).await.map(Prepared::Repeated);
        }
        (first, _) => first.map(First::into_user),
    };
    let hash = app.hash_pool.hash(attempt.context.client, registration.password.as_password().clone());
    let hash = attempt.step(Step::HashPassword, hash).await?;
    let user = new_user(&registration, &hash);
    Ok(Prepared::New(Box::new(Newcomer { user, registration, sent, is_taken, before })))
}

/// Whether whoever registers is told that an address is taken.
fn tells_of_taken(app: &App) -> bool {
    app.config.registration.conflict.is_told()
}

/// What there is of a registration already.
struct Existing {
    is_taken: bool,
    /// What the same request did before, if it was sent before.
    first: Option<First>,
}

/// Whether the same request was sent before. If not, its address must be nobody's, or whoever sent it not be told.
async fn check_existing(
    app: &App,
    attempt: &Attempt,
    registration: &Registration,
    sent: Option<&Repeatable>,
) -> Result<Existing> {
    let _turn = app.db.turn(attempt.context.client).await?;
    let exists = users::email_exists(&app.db, registration.email.key(), None).await?;
    // Later than the address: where the same request has registered it, its key is there as well.
    let first = match sent {
        Some(sent) => sent.find(&app.db).await?,
        None => None,
    };
    let is_taken = exists && first.is_none();
    match is_taken && tells_of_taken(app) {
        true => Err(Error::EmailAlreadyExists),
        false => Ok(Existing { is_taken, first }),
    }
}

/// What is wrong with the form itself is said before anybody outside is asked about its password.
async fn validated(app: &App, context: &Context, form: impl Future<Output = Result<Form>>) -> Result<Form> {
    let (key, registration) = form.await?;
    new_password::check_breaches(app, context, &registration.password, "password").await?;
    Ok((key, registration))
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
        locale: registration.locale.clone(),
    }
}

/// Registers the user, unless the same request did so meanwhile. Which constraint refuses one that violates two is not said.
async fn create_or_repeat(app: &App, attempt: &Attempt, newcomer: Newcomer) -> Result<Registered> {
    let Newcomer { user, registration, sent, is_taken, before } = newcomer;
    if is_taken {
        return attempt.step(Step::CreateUser, tell_owner(app, attempt, &registration)).await;
    }
    if let (Some(user), Some(sent)) = (before, sent) {
        attempt.step(Step::CreateUser, sent.touch(&app.db)).await?;
        return Ok(Registered::Before(user));
    }
    let created = create(app, attempt, &user, sent).await;
    if let (Err(Error::EmailAlreadyExists), Some(sent)) = (&created, sent)
        && let Some(first) = sent.find(&app.db).await?
    {
        if !tells_of_taken(app) {
            return Ok(Registered::Before(first.into_user()));
        }
        return first.answer(app, &attempt.context, &sent, &registration).await.map(Registered::Before);
    }
    match created {
        // Somebody else has registered it meanwhile.
        Err(Error::EmailAlreadyExists) if !tells_of_taken(app) => tell_owner(app, attempt, &registration).await,
        created => created.map(|()| Registered::Now(user)),
    }
}

/// The address is taken, and whoever registers is not told: its owner is. As much work as to register somebody.
async fn tell_owner(app: &App, attempt: &Attempt, registration: &Registration) -> Result<Registered> {
    let (origin, now) = (attempt.context.origin(), types::to_micros(clock::now()));
    let job = AccountEmail::asked(MailKind::AddressTaken, &registration.email, None, &origin, now)?;
    app.db.insert(job.clone()).await?;
    app.outbox.committed(&[job]);
    Err(Error::EmailAlreadyExists)
}

/// The transaction: the user, the audit row and the jobs that follow, or nothing.
async fn create(app: &App, attempt: &Attempt, user: &User, sent: Option<Repeatable>) -> Result<()> {
    let origin = attempt.context.origin();
    let (entry, jobs) = (
        AuditEntry::new("user.registered", audit::ANONYMOUS, user.id, &origin, user.created_at),
        jobs(app, user, &origin)?,
    );
    let failures = NobodysFailures::of(&app.login_key, user.email_key.expose());
    // Else wrong passwords would tell, until the address is verified.
    let forgets = tells_of_taken(app);
    let write = || {
        let (user, entry, jobs) = (user.clone(), entry.clone(), jobs.clone());
        let creation = app.db.transaction(move |tx| {
            let key = sent.map(|sent| sent.row(&user));
            tx.insert(user);
            key.into_iter().for_each(|key| tx.insert(key));
            if forgets {
                tx.insert(failures);
            }
            tx.insert(entry);
            jobs.into_iter().for_each(|job| tx.insert(job));
            async { Ok(()) }.boxed()
        });
        creation.map_err(as_taken)
    };
    attempt.step(Step::CreateUser, certainly(&app.db, user.id, write)).await?;
    // Not before: a line that names a user names one that exists.
    attempt.context.set_user_id(user.id);
    app.outbox.committed(&jobs);
    attempt.queued(&jobs);
    Ok(())
}

fn as_taken(error: Error) -> Error {
    if repeat::is_key_taken(&error) { Error::EmailAlreadyExists } else { users::as_address_taken(error) }
}

/// Whether a constraint refused a registration: its address, or what else of it is there once only.
fn is_refused(error: &Error) -> bool {
    matches!(error, Error::EmailAlreadyExists | Error::Database { kind: DbErrorKind::Constraint, .. })
}

/// Writes a user. Where the connection is lost meanwhile, and nobody knows whether it was committed, the database is asked for
/// the user's own id, and what is not there is written again. What a constraint refuses then may be there by now: the server
/// ended the lost transaction late.
async fn certainly<F: Future<Output = Result<()>>>(db: &Db, id: Uuid, write: impl Fn() -> F) -> Result<()> {
    let mut written = write().await;
    for pause in PAUSES_MS {
        if !written.as_ref().is_err_and(is_outcome_unknown) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(pause)).await;
        written = match users::find(db, id).await {
            Ok(Some(_)) => Ok(()),
            Ok(None) => match write().await {
                Err(refused) if is_refused(&refused) && users::find(db, id).await?.is_some() => Ok(()),
                again => again,
            },
            // It does not answer yet.
            Err(_) => written,
        };
    }
    written
}

/// What follows: the mail, the event where there is a service for it, and what endpoints are told.
fn jobs(app: &App, user: &User, origin: &Origin) -> Result<Vec<NewJob>> {
    let code = Some(Code::generate()?.expose().to_owned());
    let (email, full_name) = (user.email.expose().to_owned(), user.full_name.expose().to_owned());
    let newcomer = NewcomerPayload { email, full_name, locale: user.locale.clone(), code };
    let mut jobs = vec![job::<WelcomeEmail>(&newcomer, Some(user.id), origin, user.created_at)];
    if app.config.analytics.base_url.is_some() {
        let event = Event { event: EventName::UserRegistered, user_id: user.id, occurred_at: user.created_at };
        jobs.push(job::<AnalyticsEvent>(&event, Some(user.id), origin, user.created_at));
    }
    jobs.extend(Webhooks::new(&app.config.webhook).registered(user, origin));
    Ok(jobs)
}
