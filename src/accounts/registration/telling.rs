//! What whoever registers is told: who there is now, or nothing, where it is hidden whether an address is taken.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::{Form, register};
use crate::accounts::users::User;
use crate::error::{Error, ErrorCode, Result};
use crate::http::Context;
use crate::state::App;

/// A registration that hides whether its address is taken is answered at multiples of this alone: one that is not taken has some
/// rows more to write.
const HIDING_STEP: Duration = Duration::from_millis(25);

/// How a registration can fail, beside what is wrong with its request.
pub const FAILS: &[ErrorCode] = &[
    ErrorCode::EmailAlreadyExists,
    ErrorCode::MalformedRequest,
    ErrorCode::IdempotencyKeyReused,
    ErrorCode::PasswordLocked,
    ErrorCode::AuthenticationFailure,
    ErrorCode::DatabaseError,
    ErrorCode::UserRegistrationError,
];

/// Registers a user, and gives the user as far as whoever registers may know; `None` also where there is no new one.
///
/// # Errors
/// Those of [`register`], but not that an address is taken where that is hidden.
pub async fn register_and_tell(
    app: Arc<App>,
    context: Arc<Context>,
    form: impl Future<Output = Result<Form>>,
) -> Result<Option<User>> {
    let (began, is_told) = (Instant::now(), app.config.registration.conflict.is_told());
    match (is_told, register(app, context, form).await) {
        (false, Ok(_) | Err(Error::EmailAlreadyExists)) => {
            until_next_step(began).await;
            Ok(None)
        }
        (_, registered) => registered.map(Some),
    }
}

/// Waits for the next of the times at which something hidden is answered.
async fn until_next_step(began: Instant) {
    let steps = began.elapsed().as_nanos() / HIDING_STEP.as_nanos() + 1;
    tokio::time::sleep_until(began + HIDING_STEP * u32::try_from(steps).unwrap_or(u32::MAX)).await;
}
