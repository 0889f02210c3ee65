//! Codes that are sent again once they have done what they were for: by a double tap, or since the first answer was lost.

use std::time::Duration;

use super::code::Code;
use super::table::{self, KEPT};
use crate::accounts::users::{self, User};
use crate::error::Result;
use crate::http::Context;
use crate::state::App;
use crate::telemetry::metrics::CodePurpose;

/// How long after it was used a code for another password is held against that: whoever sends a password that is another one
/// counts as one who enters a wrong password.
const PASSWORD_REPEATED: Duration = Duration::from_secs(600);

/// Whose a code is that has worked, where its address still is the user's. That an address is verified is so by whichever code.
///
/// # Errors
/// When the database fails.
pub async fn user_of_spent(app: &App, request: &Context, code: &Code, purpose: CodePurpose) -> Result<Option<User>> {
    let has_worked = purpose != CodePurpose::VerifyEmail;
    let within = if purpose == CodePurpose::ResetPassword { PASSWORD_REPEATED } else { KEPT };
    let _turn = app.db.turn(request.client).await?;
    let Some(bound) = table::find_spent(&app.db, &code.hash(), purpose, within, has_worked).await? else {
        return Ok(None);
    };
    let user = users::find(&app.db, bound.user_id).await?;
    Ok(user.filter(|user| user.is_active && user.email_key == bound.email_key))
}
