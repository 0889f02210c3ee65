//! The address of a PostgreSQL database, as libpq takes it: several hosts, sockets, parameters.
//! <https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS>

mod hosts;
mod parameters;
mod text;

use std::fmt;

use tokio_postgres::Config;

pub use self::hosts::PostgresHost;
use self::parameters::Parameters;
pub use self::parameters::PostgresTls;
use super::Secret;

/// An address, password included: `Debug` and `Display` show `***` for it.
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresUrl {
    /// The hosts, in the order in which they are tried.
    pub hosts: Vec<PostgresHost>,
    /// Whether their certificates are verified.
    pub tls: PostgresTls,
    /// `sslrootcert`: a file with what is trusted instead of the system's authorities.
    pub trusted: Option<String>,
    /// `options` for the server, such as `-c search_path=neodyme`.
    pub options: Option<String>,
    /// Whether the hosts are tried in random order.
    pub shuffled: bool,
    /// Everything else, for the driver; without a host.
    pub driver: Config,
    shown: String,
}

impl PostgresUrl {
    /// Reads an address; the error says what is wrong with it, as the end of a sentence, and repeats no value.
    pub(super) fn parse(url: &str) -> Result<Self, String> {
        let text::Parts { pairs, shown } = text::split(url)?;
        let mut parameters = Parameters::new(pairs);
        let hosts = hosts::take(&mut parameters)?;
        Ok(Self {
            tls: parameters::take_tls(&mut parameters)?,
            trusted: parameters.take("sslrootcert").filter(|file| file != "system"),
            options: parameters.take("options").filter(|options| !options.is_empty()),
            shuffled: parameters::take_shuffled(&mut parameters)?,
            driver: parameters.into_driver_config(hosts.len())?,
            hosts,
            shown,
        })
    }

    /// The password in it.
    pub fn password(&self) -> Option<Secret> {
        self.driver.get_password().map(|password| Secret::new(&String::from_utf8_lossy(password)))
    }

    /// Whether passwords and users would cross a network in plain text.
    pub(super) fn is_plain_text_to_another_host(&self) -> bool {
        self.tls == PostgresTls::Off && !self.hosts.iter().all(PostgresHost::is_this_machine)
    }

    /// The database's name and where it is, for messages.
    pub fn describe(&self) -> String {
        let name = self.driver.get_dbname().or(self.driver.get_user()).unwrap_or_default();
        let hosts: Vec<_> = self.hosts.iter().map(ToString::to_string).collect();
        format!("PostgreSQL database {name} at {}", hosts.join(","))
    }
}

impl fmt::Display for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PostgresUrl({self})")
    }
}

#[cfg(test)]
mod tests;
