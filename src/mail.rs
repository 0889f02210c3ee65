//! Emails to users: written from templates, sent over SMTP or put into files.

mod brand;
mod composer;
mod files;
mod greeting;
mod invalid_setting;
mod kind;
mod mailbox;
mod probe;
mod smtp;
mod templates;
#[cfg(test)]
mod tests;
mod trial;

use self::files::Files;
use self::smtp::Smtp;
use crate::config::MailConfig;
use crate::language::Language;
use crate::values::job::{Failure, Receipt};

pub use self::brand::brand;
pub use self::composer::{Composer, Letter, Mail, MailCode};
pub use self::invalid_setting::InvalidSetting;
pub use self::kind::MailKind;
pub use self::templates::built_in_files;

/// Delivers emails. It neither logs nor counts: whoever calls it does.
pub struct Mailer {
    composer: Composer,
    transport: Transport,
}

enum Transport {
    Smtp(Box<Smtp>),
    Files(Files),
}

impl Mailer {
    /// Reads certificates and templates; connects to nothing and writes nothing.
    ///
    /// # Errors
    /// When a setting cannot be used; its name comes first.
    pub fn new(config: &MailConfig) -> Result<Self, InvalidSetting> {
        let transport = match &config.smtp_host {
            Some(host) => Transport::Smtp(Box::new(Smtp::new(host, config)?)),
            None => Transport::Files(Files::new(config.directory.clone())?),
        };
        Ok(Self { composer: Composer::new(config)?, transport })
    }

    /// The languages that there are emails in.
    pub fn languages(&self) -> &[Language] {
        self.composer.languages()
    }

    /// Where mail goes: `smtp mail.example.com:587 starttls`, or `files in data/mail`.
    pub fn describe(&self) -> String {
        match &self.transport {
            Transport::Smtp(smtp) => smtp.describe(),
            Transport::Files(files) => format!("files in {}", files.directory.display()),
        }
    }

    /// Sends an email; over SMTP within `smtp_timeout`. Each attempt sends the same bytes.
    ///
    /// # Errors
    /// A [`Failure`] that says what the next attempt can hope for, and names nobody.
    pub async fn send(&self, mail: &Mail<'_>) -> Result<Receipt, Failure> {
        let letter = self.composer.compose(mail)?;
        match &self.transport {
            Transport::Smtp(smtp) => smtp.send(&letter).await,
            Transport::Files(files) => files.write(mail.job, letter.message).await,
        }
    }

    /// Takes leave of the mail server. Nothing is lost without it.
    pub async fn end(&self) {
        if let Transport::Smtp(smtp) = &self.transport {
            smtp.end().await;
        }
    }
}
