//! One parser per type of setting, used for flags, variables, files and defaults alike.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::num::{IntErrorKind, ParseIntError};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use lettre::message::Mailbox;
use url::Url;

use super::{
    Contact, DatabaseUrl, Host, HostPattern, MediaType, PathPrefix, Secret, WebAddress, WebOrigin, WebhookEvent,
};
use crate::language::Language;
use crate::text::is_control;

const OUT_OF_RANGE: &str = "is out of range";

/// A type that a setting can have.
pub trait Value: Sized {
    /// What a single setting allows of the type; `()` if everything.
    type Limits;
    /// How the flag's value is called in the help.
    const PLACEHOLDER: &'static str;
    /// Whether the text may hold a secret: it is then never repeated, and may come from a `*_FILE`.
    const SECRET: bool = false;
    /// Whether a TOML array is accepted.
    const LIST: bool = false;

    /// What is accepted, in words.
    fn accepted(limits: &Self::Limits) -> String;
    /// Reads a text. The error is what is wrong with it, as the end of a sentence that begins with the text.
    fn parse(text: &str, limits: &Self::Limits) -> Result<Self, &'static str>;
    /// The same, with an error that may name a part of the text.
    fn read(text: &str, limits: &Self::Limits) -> Result<Self, Cow<'static, str>> {
        Self::parse(text, limits).map_err(Cow::Borrowed)
    }
    /// The value as an operator may see it, secrets redacted.
    fn show(&self) -> String;
    /// The secrets that the value holds.
    fn secrets(&self) -> Vec<Secret> {
        Vec::new()
    }
    /// Whether this text must not stand on a command line, which every user of the machine can read.
    fn is_secret(_text: &str) -> bool {
        Self::SECRET
    }
}

macro_rules! whole_numbers {
    ($($type:ty),*) => {$(
        impl Value for $type {
            type Limits = RangeInclusive<$type>;
            const PLACEHOLDER: &'static str = "NUMBER";

            fn accepted(limits: &Self::Limits) -> String {
                format!("a whole number from {} to {}", limits.start(), limits.end())
            }

            fn parse(text: &str, limits: &Self::Limits) -> Result<Self, &'static str> {
                let number = text.parse().map_err(|error: ParseIntError| match error.kind() {
                    IntErrorKind::PosOverflow | IntErrorKind::NegOverflow => OUT_OF_RANGE,
                    _ => "is not a whole number",
                })?;
                if limits.contains(&number) { Ok(number) } else { Err(OUT_OF_RANGE) }
            }

            fn show(&self) -> String {
                self.to_string()
            }
        }
    )*};
}
whole_numbers!(u16, u32, usize);

impl Value for bool {
    type Limits = ();
    const PLACEHOLDER: &'static str = "true|false";

    fn accepted((): &()) -> String {
        "true, false, on or off".into()
    }

    fn parse(text: &str, (): &()) -> Result<Self, &'static str> {
        match text {
            "true" | "on" => Ok(true),
            "false" | "off" => Ok(false),
            _ => Err("is neither true nor false, on nor off"),
        }
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Value for Duration {
    type Limits = RangeInclusive<Duration>;
    const PLACEHOLDER: &'static str = "DURATION";

    fn accepted(limits: &Self::Limits) -> String {
        let (from, to) = (humantime::format_duration(*limits.start()), humantime::format_duration(*limits.end()));
        format!("a duration such as 500ms, 10s or 2m, from {from} to {to}")
    }

    fn parse(text: &str, limits: &Self::Limits) -> Result<Self, &'static str> {
        let duration = humantime::parse_duration(text).map_err(|_| "is not a duration with its unit")?;
        if limits.contains(&duration) { Ok(duration) } else { Err(OUT_OF_RANGE) }
    }

    fn show(&self) -> String {
        if self.subsec_nanos() > 0 || self.is_zero() {
            return humantime::format_duration(*self).to_string();
        }
        let units = [(86_400, 'd'), (3600, 'h'), (60, 'm'), (1, 's')];
        let fits = units.into_iter().find(|(seconds, _)| self.as_secs().is_multiple_of(*seconds));
        fits.map_or_else(String::new, |(seconds, unit)| format!("{}{unit}", self.as_secs() / seconds))
    }
}

impl Value for SocketAddr {
    type Limits = ();
    const PLACEHOLDER: &'static str = "ADDRESS:PORT";

    fn accepted((): &()) -> String {
        "an IP address and a port, such as 127.0.0.1:8000 or [::1]:8000".into()
    }

    fn parse(text: &str, (): &()) -> Result<Self, &'static str> {
        text.parse().map_err(|_| "is not an IP address with a port")
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

/// A list with commas between.
macro_rules! lists {
    ($($type:ty, $placeholder:literal, $accepted:literal, $parse:expr;)*) => {$(
        impl Value for Vec<$type> {
            type Limits = ();
            const PLACEHOLDER: &'static str = $placeholder;
            const LIST: bool = true;

            fn accepted((): &()) -> String {
                $accepted.into()
            }

            fn parse(text: &str, (): &()) -> Result<Self, &'static str> {
                let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
                parts.map($parse).collect()
            }

            fn show(&self) -> String {
                self.iter().map(<$type>::to_string).collect::<Vec<_>>().join(",")
            }
        }
    )*};
}
lists! {
    IpNet, "NETWORKS", "addresses and networks with commas between, such as 10.0.0.0/8,192.0.2.7,fd00::/8",
        |text| parse_network(text).ok_or("is not a list of networks");
    HostPattern, "NAMES", "host names without a port, with commas between, such as metrics.example.com,*.svc.cluster.local",
        |text| HostPattern::parse(text).ok_or("is not a list of host names");
    MediaType, "TYPES", "media types with commas between, such as application/json,text/plain",
        |text| MediaType::parse(text).ok_or("is not a list of media types");
    WebhookEvent, "EVENTS", "events with commas between: user.registered, user.verified, user.updated, user.deactivated, user.deleted",
        |text| WebhookEvent::parse(text).ok_or("is not a list of events");
    u16, "STATUSES", "HTTP statuses with commas between, such as 200,202",
        |text| parse_status(text).ok_or("is not a list of HTTP statuses");
    WebOrigin, "ORIGINS", "origins, scheme://host or scheme://host:port, with commas between, such as https://app.example.com,http://localhost:5173",
        WebOrigin::parse;
}

fn parse_status(text: &str) -> Option<u16> {
    text.parse().ok().filter(|status| (200..600).contains(status))
}

fn parse_network(text: &str) -> Option<IpNet> {
    let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)).ok()?;
    Some(network.trunc())
}

impl Value for DatabaseUrl {
    type Limits = ();
    const PLACEHOLDER: &'static str = "URL";
    const SECRET: bool = true;

    fn accepted((): &()) -> String {
        "sqlite://path or postgres://user@host:port/database?sslmode=verify-full".into()
    }

    fn parse(text: &str, (): &()) -> Result<Self, &'static str> {
        DatabaseUrl::parse(text).map_err(|_| "is no address of a database")
    }

    fn read(text: &str, (): &()) -> Result<Self, Cow<'static, str>> {
        DatabaseUrl::parse(text).map_err(Cow::Owned)
    }

    fn show(&self) -> String {
        self.to_string()
    }

    fn secrets(&self) -> Vec<Secret> {
        self.password().into_iter().collect()
    }

    fn is_secret(text: &str) -> bool {
        DatabaseUrl::parse(text).map_or(text.contains('@'), |url| url.password().is_some())
    }
}

impl Value for Option<Secret> {
    /// The least number of characters.
    type Limits = usize;
    const PLACEHOLDER: &'static str = "SECRET";
    const SECRET: bool = true;

    fn accepted(limits: &usize) -> String {
        format!("at least {limits} characters")
    }

    fn parse(text: &str, limits: &usize) -> Result<Self, &'static str> {
        match text.chars().count() {
            0 => Ok(None),
            length if length < *limits => Err("is too short"),
            _ => Ok(Some(Secret::new(text))),
        }
    }

    fn show(&self) -> String {
        if self.is_some() { "***".into() } else { String::new() }
    }

    fn secrets(&self) -> Vec<Secret> {
        self.iter().cloned().collect()
    }
}

/// A setting that may be left empty: `none` in words.
macro_rules! optional {
    ($($type:ty, $placeholder:literal, $accepted:literal, $parse:expr, $show:expr;)*) => {$(
        impl Value for Option<$type> {
            type Limits = ();
            const PLACEHOLDER: &'static str = $placeholder;

            fn accepted((): &()) -> String {
                $accepted.into()
            }

            fn parse(text: &str, (): &()) -> Result<Self, &'static str> {
                if text.is_empty() { Ok(None) } else { $parse(text).map(Some) }
            }

            fn show(&self) -> String {
                self.as_ref().map($show).unwrap_or_default()
            }
        }
    )*};
}
optional! {
    Host, "HOST", "the name of a host, or its IP address, without a port", parse_host, Host::to_string;
    String, "TEXT", "a text without control characters", parse_text, String::clone;
    PathPrefix, "PATH", "a path such as /api/v1, with a / in front and none at its end", PathPrefix::parse, PathPrefix::to_string;
    PathBuf, "PATH", "a path", |text: &str| Ok(PathBuf::from(text)), |path: &PathBuf| path.display().to_string();
    Contact, "ADDRESS", "an email address, or a URL that begins with https://", Contact::parse, Contact::to_string;
    WebAddress, "URL", "a URL that begins with https://, without user and password", WebAddress::parse, WebAddress::to_string;
    Url, "URL", "a URL such as https://analytics.example.com/v1, without user and password", parse_http_url, Url::to_string;
}

fn parse_host(text: &str) -> Result<Host, &'static str> {
    Host::parse(text).ok_or("is neither the name nor the address of a host")
}

fn parse_text(text: &str) -> Result<String, &'static str> {
    if text.contains(is_control) { Err("has control characters") } else { Ok(text.into()) }
}

fn parse_http_url(text: &str) -> Result<Url, &'static str> {
    let url = Url::parse(text).map_err(|_| "is not a URL")?;
    if !matches!(url.scheme(), "http" | "https") || url.cannot_be_a_base() {
        return Err("is not an http or https URL");
    }
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        return Err("has more than a host and a path");
    }
    Ok(url)
}

impl Value for String {
    type Limits = ();
    const PLACEHOLDER: &'static str = "TEXT";

    fn accepted((): &()) -> String {
        "a text without control characters, not empty".into()
    }

    fn parse(text: &str, (): &()) -> Result<Self, &'static str> {
        if text.is_empty() { Err("is empty") } else { parse_text(text) }
    }

    fn show(&self) -> String {
        self.clone()
    }
}

impl Value for PathBuf {
    type Limits = ();
    const PLACEHOLDER: &'static str = "PATH";

    fn accepted((): &()) -> String {
        "a path".into()
    }

    fn parse(text: &str, (): &()) -> Result<Self, &'static str> {
        if text.is_empty() { Err("is empty") } else { Ok(text.into()) }
    }

    fn show(&self) -> String {
        self.display().to_string()
    }
}

impl Value for Language {
    type Limits = ();
    const PLACEHOLDER: &'static str = "LANGUAGE";

    fn accepted((): &()) -> String {
        "the tag of a language, such as de, en-GB or zh-Hant-TW".into()
    }

    fn parse(text: &str, (): &()) -> Result<Self, &'static str> {
        Language::parse(text)
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Value for Mailbox {
    type Limits = ();
    const PLACEHOLDER: &'static str = "MAILBOX";

    fn accepted((): &()) -> String {
        "an address, or a name and an address, such as `Example <hello@example.com>`".into()
    }

    fn parse(text: &str, (): &()) -> Result<Self, &'static str> {
        text.parse().map_err(|_| "is not a mailbox")
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

/// A type with a few values, each with its name.
macro_rules! choices {
    ($($type:ty { $first:literal => $first_value:expr $(, $name:literal => $value:expr)* $(,)? })*) => {$(
        impl $crate::config::value::Value for $type {
            type Limits = ();
            const PLACEHOLDER: &'static str = concat!($first $(, "|", $name)*);

            fn accepted((): &()) -> String {
                [$first $(, $name)*].join(", ")
            }

            fn parse(text: &str, (): &()) -> Result<Self, &'static str> {
                match text {
                    $first => Ok($first_value),
                    $($name => Ok($value),)*
                    _ => Err("is none of the known names"),
                }
            }

            fn show(&self) -> String {
                [($first, $first_value) $(, ($name, $value))*].iter().find(|(_, value)| value == self).map_or("", |(name, _)| name).into()
            }
        }
    )*};
}
pub(super) use choices;
