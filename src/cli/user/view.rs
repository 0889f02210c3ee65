//! A user as an operator sees it: times in RFC 3339, people by their first letters unless they are asked for.

use serde::Serialize;
use uuid::Uuid;

use crate::accounts::sessions::Session;
use crate::accounts::sign_in::{Failures, Limits};
use crate::accounts::users::User;
use crate::cli::table::align;
use crate::clock;
use crate::error::Error;
use crate::language::Language;
use crate::values::timestamp::rfc3339;
use crate::values::{Email, Personal};

pub(super) const HEAD: [&str; 6] = ["id", "email", "full_name", "role", "state", "created_at"];

#[derive(Serialize)]
pub(super) struct UserView {
    id: Uuid,
    email: String,
    full_name: String,
    role: &'static str,
    is_active: bool,
    created_at: String,
    updated_at: String,
    email_verified_at: Option<String>,
    locale: Option<Language>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sessions: Option<Vec<SessionView>>,
    /// Only where there were any.
    #[serde(skip_serializing_if = "Option::is_none")]
    wrong_passwords: Option<TriesView>,
}

/// Wrong passwords in a row, and what follows from them.
#[derive(Serialize)]
pub(super) struct TriesView {
    in_a_row: u32,
    last_at: String,
    /// Whether no password is tried any more.
    is_locked: bool,
    /// Seconds until the next one may be tried.
    retry_after: u64,
}

impl TriesView {
    pub(super) fn new(failures: &Failures, limits: &Limits) -> Self {
        let next = limits.admit(failures, clock::now());
        TriesView {
            in_a_row: failures.count,
            last_at: rfc3339(failures.last),
            is_locked: matches!(next, Err(Error::PasswordLocked)),
            retry_after: if let Err(Error::LoginDelayed { retry_after }) = next { retry_after } else { 0 },
        }
    }

    fn in_words(&self) -> String {
        let next = match (self.is_locked, self.retry_after) {
            (true, _) => "none is tried any more, until `user activate` or a password reset by email".to_owned(),
            (_, 0) => "the next may be tried now".to_owned(),
            (_, seconds) => format!("the next may be tried in {seconds} s"),
        };
        format!("{} in a row, the last at {}: {next}", self.in_a_row, self.last_at)
    }
}

#[derive(Serialize)]
struct SessionView {
    id: Uuid,
    created_at: String,
    last_used_at: String,
    expires_at: String,
    client_ip: Option<String>,
    user_agent: Option<String>,
}

impl UserView {
    pub(super) fn new(user: &User, full: bool) -> Self {
        let (email, name) = (user.email.expose(), user.full_name.expose());
        UserView {
            id: user.id,
            email: if full { email.to_owned() } else { masked(email) },
            full_name: if full { name.to_owned() } else { first_letter(name) },
            role: user.role.as_str(),
            is_active: user.is_active,
            created_at: rfc3339(user.created_at),
            updated_at: rfc3339(user.updated_at),
            email_verified_at: user.email_verified_at.map(rfc3339),
            locale: user.locale.clone(),
            sessions: None,
            wrong_passwords: None,
        }
    }

    pub(super) fn with_sessions(self, sessions: &[Session]) -> Self {
        let exposed = |text: &Option<Personal>| text.clone().map(Personal::into_exposed);
        let view = |session: &Session| SessionView {
            id: session.id,
            created_at: rfc3339(session.created_at),
            last_used_at: rfc3339(session.last_used_at),
            expires_at: rfc3339(session.expires_at),
            client_ip: exposed(&session.client_ip),
            user_agent: exposed(&session.user_agent),
        };
        UserView { sessions: Some(sessions.iter().map(view).collect()), ..self }
    }

    pub(super) fn with_tries(self, tries: Option<TriesView>) -> Self {
        UserView { wrong_passwords: tries, ..self }
    }

    fn state(&self) -> &'static str {
        if self.is_active { "active" } else { "inactive" }
    }

    /// A line of a list.
    pub(super) fn row(&self) -> [String; 6] {
        let [role, state] = [self.role, self.state()].map(String::from);
        [self.id.to_string(), self.email.clone(), self.full_name.clone(), role, state, self.created_at.clone()]
    }

    /// Everything that there is, a line each; then the sessions.
    pub(super) fn whole(&self) -> String {
        let lines = [
            ("id", self.id.to_string()),
            ("email", self.email.clone()),
            ("full_name", self.full_name.clone()),
            ("role", self.role.to_owned()),
            ("state", self.state().to_owned()),
            ("created_at", self.created_at.clone()),
            ("updated_at", self.updated_at.clone()),
            ("locale", self.locale.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string)),
            ("email_verified_at", self.email_verified_at.clone().unwrap_or_else(|| "-".to_owned())),
            ("wrong_passwords", self.wrong_passwords.as_ref().map_or_else(|| "none".to_owned(), TriesView::in_words)),
        ];
        let user = align(lines.into_iter().map(|(name, value)| [name.to_owned(), value]));
        match self.sessions.as_deref().unwrap_or_default() {
            [] => format!("{user}\nno sessions\n"),
            sessions => format!("{user}\n{}", table(sessions)),
        }
    }
}

fn table(sessions: &[SessionView]) -> String {
    let head = ["session", "created_at", "last_used_at", "expires_at", "client_ip", "user_agent"].map(String::from);
    let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let row = |session: &SessionView| {
        let SessionView { id, created_at, last_used_at, expires_at, client_ip, user_agent } = session;
        let [created_at, last_used_at, expires_at] = [created_at, last_used_at, expires_at].map(Clone::clone);
        [id.to_string(), created_at, last_used_at, expires_at, or_dash(client_ip), or_dash(user_agent)]
    };
    align(std::iter::once(head).chain(sessions.iter().map(row)))
}

fn masked(address: &str) -> String {
    Email::parse(address).map_or_else(|_| first_letter(address), |email| email.masked())
}

fn first_letter(text: &str) -> String {
    text.chars().take(1).chain("***".chars()).collect()
}
