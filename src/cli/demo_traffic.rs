//! `neodyme demo-traffic`: drives what a service meets in a day against a running neodyme, to have something to look at.
//!
//! Requests come at their own pace, whatever the service does (an open loop): a slow service gets no fewer, as in life.

mod requests;
mod tally;
mod traffic;

use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches, Command};
use url::Url;

use self::traffic::Plan;
use super::client;
use super::misuse::Misuse;
use super::output::print;
use super::runtime::block_on;
use crate::config::Host;

const ABOUT: &str = "Send a realistic mix of requests to a running neodyme: it creates users";
const AFTER: &str = "\
Registrations, duplicates, sign-ins, wrong passwords, invalid and malformed bodies, unknown paths, clients that leave and health
checks arrive at random times. Every address is under example.com, example.org or .invalid, so no mail can reach anybody. Ctrl-C ends it early.

All of it comes from one address, of which a service takes 600 registrations within ten minutes unless its
`registrations_per_client` says otherwise. After a 429 registrations wait as long as `Retry-After` says.";
/// More is a load test, which this is not.
const RATES: std::ops::RangeInclusive<f64> = 0.1..=200.0;
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

pub(super) fn command() -> Command {
    let option = |name: &'static str, value: &'static str| Arg::new(name).long(name).value_name(value);
    let url = option("url", "URL").default_value("http://127.0.0.1:8000").value_parser(client::parse_base);
    let rate = option("rate", "N").default_value("5").value_parser(parse_rate);
    let duration = option("duration", "TIME").default_value("1m").value_parser(parse_duration);
    let remote = Arg::new("allow-remote").long("allow-remote").action(ArgAction::SetTrue);
    Command::new("demo-traffic").about(ABOUT).after_help(AFTER).args([
        url.help("Where the API answers"),
        rate.help("Requests a second, on average; from 0.1 to 200"),
        duration.help("How long, such as 30s, 10m or 2h; at most 1day"),
        remote.help("Do it to another machine's neodyme, too: its database gets the users"),
    ])
}

pub(super) fn run(matches: &ArgMatches) -> anyhow::Result<()> {
    let (Some(url), Some(&rate), Some(&duration)) =
        (matches.get_one::<Url>("url"), matches.get_one("rate"), matches.get_one("duration"))
    else {
        return Ok(()); // They have defaults.
    };
    if !is_this_machine(url) && !matches.get_flag("allow-remote") {
        let text =
            format!("{url} is another machine, and this creates users there; --allow-remote does it all the same");
        return Err(Misuse(text).into());
    }
    let plan = Plan { url: url.clone(), rate, duration };
    let tally = block_on(traffic::drive(plan))??;
    print(tally.table())?;
    if tally.was_answered() { Ok(()) } else { anyhow::bail!("no request was answered") }
}

fn is_this_machine(url: &Url) -> bool {
    url.host_str().and_then(Host::parse).is_some_and(|host| host.is_this_machine())
}

fn parse_rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|rate| RATES.contains(rate));
    rate.ok_or_else(|| format!("accepted: requests a second from {} to {}", RATES.start(), RATES.end()))
}

fn parse_duration(text: &str) -> Result<Duration, &'static str> {
    let duration = humantime::parse_duration(text).ok();
    duration.filter(|time| (Duration::from_secs(1)..=LONGEST).contains(time)).ok_or("accepted: 1s to 1day")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_machine_is_told_from_this_one() {
        for (url, expected) in [
            ("http://127.0.0.1:8000", true),
            ("http://127.9.9.9", true),
            ("http://[::1]:8000", true),
            ("http://localhost", true),
            ("http://LOCALHOST:80", true),
            ("http://localhost.example.com", false),
            ("http://0.0.0.0:8000", false),
            ("http://192.0.2.1", false),
            ("http://neodyme:8000", false),
        ] {
            assert_eq!(is_this_machine(&url.parse().unwrap()), expected, "{url}");
        }
    }

    #[test]
    fn rate_and_duration_are_bounded() {
        for wrong in ["0", "-1", "0.05", "200.1", "inf", "NaN", "many", ""] {
            assert!(parse_rate(wrong).is_err(), "{wrong}");
        }
        assert_eq!((parse_rate("0.1"), parse_rate("200")), (Ok(0.1), Ok(200.0)));
        for wrong in ["0s", "999ms", "1day 1s", "forever", "10", ""] {
            assert!(parse_duration(wrong).is_err(), "{wrong}");
        }
        assert_eq!(parse_duration("1day"), Ok(LONGEST));
    }
}
