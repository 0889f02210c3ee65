//! What the parts of the service share while it lives.

use std::sync::Arc;

use crate::breaches::Breaches;
use crate::config::Config;
use crate::fairness::Places;
use crate::health::Health;
use crate::http::{Asker, Limit};
use crate::language::Language;
use crate::lifecycle::Lifecycle;
use crate::outbox::Outbox;
use crate::page_templates::PageTemplates;
use crate::password::HashPool;
use crate::password_policy::PasswordPolicy;
use crate::store::Db;
use crate::telemetry::history::History;
use crate::telemetry::logging::{Loggers, TemporaryLevels};
use crate::tokens::Keyring;

/// What handlers share.
pub struct App {
    /// The settings.
    pub config: Config,
    /// The users.
    pub db: Db,
    /// What follows a registration.
    pub outbox: Arc<Outbox>,
    /// The health of all that.
    pub health: Arc<Health>,
    /// How the pages for users look.
    pub pages: PageTemplates,
    /// The languages that there are emails in.
    pub languages: Vec<Language>,
    /// How often one client may register; `None` for no limit.
    pub registrations: Option<Limit>,
    /// Which passwords may be chosen.
    pub password_policy: PasswordPolicy,
    /// Who knows passwords from data breaches, where somebody is asked.
    pub breaches: Option<Breaches>,
    /// How often one client may try a password; `None` for no limit.
    pub sign_ins: Option<Limit>,
    /// How often one client may come with a refresh token; `None` for no limit.
    pub refreshes: Option<Limit>,
    /// How often one client may have an email with a code sent; `None` for no limit.
    pub code_emails: Option<Limit>,
    /// What the addresses of failed sign-ins, and of emails with a code, are hashed with, the same on all instances.
    pub login_key: [u8; 32],
    /// What signs access tokens, and verifies them.
    pub keyring: Arc<Keyring>,
    /// The last hour in figures.
    pub history: History,
    /// The workers that hash passwords.
    pub hash_pool: HashPool,
    /// The phase of the service.
    pub lifecycle: Lifecycle,
    /// The logs.
    pub loggers: Loggers,
    /// What of the logs is changed for a while.
    pub log_levels: TemporaryLevels,
    /// The places of answers that cost much: those that gather all metrics, or show all errors.
    pub large_answers: Arc<Places<Asker>>,
}
