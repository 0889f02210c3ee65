//! Where the users are kept: a SQLite file or a PostgreSQL server.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use tokio_postgres::config::Host;
use url::Url;

const MALFORMED: &str = "is not a valid URL (in a user name or password write % @ : / ? # as %25 %40 %3A %2F %3F %23)";
/// What is verified, or plain text; nothing in between, since what is not verified protects nobody.
const SSL_MODES: [&str; 3] = ["disable", "require", "verify-full"];
/// Parameters that the driver does not know, or knows in a weaker sense.
const TLS_PARAMETERS: [&str; 2] = ["sslmode", "sslrootcert"];

/// The database's address. `Debug` and `Display` show `***` for a password.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// `sqlite://relative/path` or `sqlite:///absolute/path`; the rest of the text is the path as it is.
    Sqlite {
        /// The database file.
        path: PathBuf,
    },
    /// `postgres://user:password@host:port/database?sslmode=…`, password included: show it through [`DatabaseUrl`] only.
    Postgres(Url),
}

impl DatabaseUrl {
    /// Reads the address; the error says what is wrong with it and never repeats it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        match text.split_once("://") {
            Some(("sqlite", path)) => parse_sqlite(path),
            Some(("postgres" | "postgresql", _)) => parse_postgres(text),
            _ => Err("begins neither with sqlite:// nor with postgres://"),
        }
    }

    /// Whether the address carries a password.
    pub fn has_password(&self) -> bool {
        match self {
            Self::Sqlite { .. } => false,
            Self::Postgres(url) => url.password().is_some() || url.query_pairs().any(|(key, _)| key == "password"),
        }
    }

    /// Whether passwords and users would cross a network in plain text: `sslmode=disable` to another machine.
    pub fn is_plain_text_to_another_host(&self) -> bool {
        match self {
            Self::Sqlite { .. } => false,
            Self::Postgres(url) => ssl_modes(url).any(|mode| mode == "disable") && !stays_on_this_machine(url),
        }
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite { path } => write!(f, "sqlite://{}", path.display()),
            Self::Postgres(url) => f.write_str(redact(url.clone()).as_str()),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({self})")
    }
}

fn parse_sqlite(path: &str) -> Result<DatabaseUrl, &'static str> {
    match path {
        "" => Err("names no file"),
        ":memory:" => Err("keeps nothing: name a file, since connections do not share a database in memory"),
        _ if path.starts_with("file:") || path.contains('?') => {
            Err("has parameters: after sqlite:// comes a plain path")
        }
        _ if path.ends_with('/') || path.contains('\0') => Err("does not name a file"),
        _ => Ok(DatabaseUrl::Sqlite { path: path.into() }),
    }
}

fn parse_postgres(text: &str) -> Result<DatabaseUrl, &'static str> {
    let url = Url::parse(text).map_err(|_| MALFORMED)?;
    // An unescaped / ? or # in a password ends the host early: what follows would be taken for a database name.
    let rest = [Some(url.path()), url.query()];
    if url.fragment().is_some() || rest.into_iter().flatten().any(|part| part.contains('@')) {
        return Err(MALFORMED);
    }
    if !ssl_modes(&url).all(|mode| SSL_MODES.contains(&mode.as_str())) {
        return Err(
            "has an sslmode that is not accepted: use verify-full (or require, which verifies as well), or disable",
        );
    }
    let driver = driver_config(&url).ok_or("has a part or a parameter that the PostgreSQL driver does not know")?;
    if driver.get_hosts().is_empty() && driver.get_hostaddrs().is_empty() {
        return Err("names no host");
    }
    Ok(DatabaseUrl::Postgres(url))
}

fn ssl_modes(url: &Url) -> impl Iterator<Item = String> {
    url.query_pairs().filter(|(key, _)| key == "sslmode").map(|(_, value)| value.into_owned())
}

/// How the driver reads the address.
fn driver_config(url: &Url) -> Option<tokio_postgres::Config> {
    let parameters: Vec<_> = url.query_pairs().filter(|(key, _)| !TLS_PARAMETERS.contains(&key.as_ref())).collect();
    let mut plain = url.clone();
    plain.set_query(None);
    if !parameters.is_empty() {
        plain.query_pairs_mut().extend_pairs(parameters);
    }
    // Form encoding writes a space as `+`, which the driver would keep.
    plain.as_str().replace('+', "%20").parse().ok()
}

fn stays_on_this_machine(url: &Url) -> bool {
    let Some(driver) = driver_config(url) else { return false };
    let local = |host: &Host| match host {
        Host::Tcp(name) => name == "localhost" || name.parse().is_ok_and(|address: IpAddr| address.is_loopback()),
        Host::Unix(_) => true,
    };
    driver.get_hosts().iter().all(local) && driver.get_hostaddrs().iter().all(IpAddr::is_loopback)
}

fn redact(mut url: Url) -> Url {
    if url.password().is_some() {
        // Fails only for a URL without a host, which has no password either.
        let _ = url.set_password(Some("***"));
    }
    if url.query_pairs().any(|(key, _)| key == "password") {
        let hide = |(key, value): (String, String)| if key == "password" { (key, "***".into()) } else { (key, value) };
        let parameters: Vec<_> = url.query_pairs().into_owned().map(hide).collect();
        url.query_pairs_mut().clear().extend_pairs(parameters);
    }
    url
}

#[cfg(test)]
mod tests {
    use super::DatabaseUrl;

    #[test]
    fn sqlite_paths_are_taken_as_they_are() {
        for (text, path) in [("sqlite://data/a b.db", "data/a b.db"), ("sqlite:///var/lib/n%41.db", "/var/lib/n%41.db")]
        {
            assert_eq!(DatabaseUrl::parse(text), Ok(DatabaseUrl::Sqlite { path: path.into() }));
            assert_eq!(DatabaseUrl::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_password_is_shown_nowhere() {
        for text in
            ["postgres://u:canary@h:5432/d?sslmode=require", "postgresql://u@h/d?password=canary&sslmode=disable"]
        {
            let url = DatabaseUrl::parse(text).unwrap();
            assert!(url.has_password());
            assert!(!format!("{url} {url:?}").contains("canary"), "{url}");
        }
        assert_eq!(DatabaseUrl::parse("postgres://u:p@h/d").unwrap().to_string(), "postgres://u:***@h/d");
    }

    #[test]
    fn a_wrong_address_is_refused() {
        let wrong = "mysql://h/d sqlite: sqlite:// sqlite://:memory: sqlite://data/ sqlite://a.db?mode=ro sqlite://file:a.db \
            postgres:// postgres:///d postgres://h/d?sslmode=maybe postgres://h/d?sslmode=prefer postgres://h/d?colour=red postgres://u:a/b@h/d \
            postgres://u:1?b@h/d postgres://u:1/b@h/d postgres://u:1#b@h/d postgres://h:99999/d postgres://h/d?connect_timeout=x";
        for text in wrong.split_whitespace().chain([""]) {
            assert!(DatabaseUrl::parse(text).is_err(), "{text} was accepted");
        }
    }

    #[test]
    fn plain_text_is_only_for_this_machine() {
        for (host, plain) in [("db.example.com", true), ("10.0.0.1", true), ("127.0.0.1", false), ("[::1]", false)] {
            let url = DatabaseUrl::parse(&format!("postgres://u@{host}/d?sslmode=disable")).unwrap();
            assert_eq!(url.is_plain_text_to_another_host(), plain, "{host}");
            let url = DatabaseUrl::parse(&format!("postgres://u@{host}/d?sslmode=verify-full")).unwrap();
            assert!(!url.is_plain_text_to_another_host());
        }
        let socket = DatabaseUrl::parse("postgres:///d?host=/var/run/postgresql&sslmode=disable").unwrap();
        assert!(!socket.is_plain_text_to_another_host());
    }
}
