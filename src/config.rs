//! The configuration: one table of settings, from which come the structs, the flags, the variables, the keys of the file
//! and the documentation.
//!
//! Start at [`Config::load`]; the table is in `settings.rs`. A new setting is one line there and its comment.

mod address;
mod choices;
mod contact;
mod database_url;
mod file;
mod host;
mod host_pattern;
mod media_type;
mod path_prefix;
mod postgres_url;
mod problem;
mod reference;
mod rules;
mod secret;
mod setting;
mod settings;
mod source;
mod sources;
mod suggestion;
mod value;
mod values;
mod warnings;
mod web_origin;
mod webhook_endpoint;
mod webhook_event;
mod webhook_secrets;

#[cfg(test)]
mod tests;

pub use address::{is_public, may_be_sent_to};
pub use choices::{Environment, LogFormat, RegistrationConflict, SmtpTls};
pub use contact::{Contact, WebAddress};
pub use database_url::DatabaseUrl;
pub use host::{Host, is_loopback, is_this_machine};
pub use host_pattern::{HostPattern, is_localhost};
pub use media_type::MediaType;
pub use path_prefix::{FIRST_SEGMENTS, PathPrefix};
pub use postgres_url::{PostgresHost, PostgresTls, PostgresUrl};
pub use problem::{Problem, Problems};
pub use reference::markdown;
pub use secret::Secret;
pub use setting::Setting;
pub use settings::{
    AnalyticsConfig, CodesConfig, Config, DatabaseConfig, HealthConfig, HttpConfig, LogConfig, MailConfig,
    NewPasswordConfig, OutboxConfig, PasswordConfig, RegistrationConfig, SETTINGS, ShutdownConfig, SignInConfig,
    WebhookConfig,
};
pub use source::Source;
pub use sources::{CONFIG_VARIABLE, Sources};
pub use suggestion::similar;
pub use values::Effective;
pub use warnings::Warning;
pub use web_origin::WebOrigin;
pub use webhook_endpoint::{MOST_WEBHOOKS, WebhookEndpoint};
pub use webhook_event::WebhookEvent;
pub use webhook_secrets::WebhookSecrets;

impl Config {
    /// Reads and checks everything; the error holds all problems at once. Without sources, that is
    /// `Config::load(&Sources::default())`, it is the configuration of the defaults.
    pub fn load(sources: &Sources) -> Result<Config, Problems> {
        let mut problems = Problems::default();
        let texts = sources.collect(&mut problems);
        let config = Config::take(&mut values::Values::new(texts, &mut problems));
        if let Some(config) = &config {
            rules::check(config, &mut problems);
        }
        // No configuration without a problem: `take` notes one for each value that it cannot give.
        config.filter(|_| problems.is_empty()).ok_or(problems)
    }

    /// Every setting with its value, secrets redacted, and its source.
    pub fn effective(&self) -> &[Effective] {
        &self.effective
    }

    /// Every secret among the values, for whoever has to keep them out of a text.
    pub fn secrets(&self) -> &[Secret] {
        &self.secrets
    }

    /// Where the value of a setting comes from.
    pub fn source(&self, key: &str) -> &Source {
        self.effective.iter().find(|effective| effective.key == key).map_or(&Source::Default, |found| &found.source)
    }
}
