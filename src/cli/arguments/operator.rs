//! The subcommands with which an operator looks at what is stored, and changes it.

use clap::builder::{NonEmptyStringValueParser, PossibleValuesParser, TypedValueParser};
use clap::{Arg, ArgAction, ArgGroup, Command, value_parser};
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Date, OffsetDateTime};
use uuid::Uuid;

use crate::accounts::audit::Position;
use crate::accounts::directory::Who;
use crate::accounts::topics;
use crate::cli::flags::{OF_THE_DATABASE, flag, json, option, with_settings};
use crate::label::{LabelSet, parse};
use crate::outbox::store::{GroupBy, Reply};
use crate::outbox::{JobState, TopicName};

/// How many rows are listed unless the operator says otherwise.
const LIMIT: &str = "50";

/// `neodyme outbox …`
pub(super) fn outbox() -> Command {
    let state = |states: &[JobState]| option("state", "STATE", "Only in this state").value_parser(label(states));
    let topic = || option("topic", "TOPIC", "Only of this topic").value_parser(topic_name());
    let domain = || {
        let help = "Only for recipients of this domain, such as example.com";
        option("domain", "DOMAIN", help).value_parser(NonEmptyStringValueParser::new())
    };
    let reply = || {
        let help = "Only those that failed so last: a reply's code, a class, or both, such as 'refused_5xx (550)'";
        option("reply", "REPLY", help).value_parser(parse_reply)
    };
    let changeable = [JobState::Pending, JobState::Dead];
    let change = |name, about| {
        with_settings(Command::new(name).about(about), OF_THE_DATABASE)
            .arg(ids())
            .arg(flag("all", "All pending and dead jobs, or those of --topic, --state, --domain and --reply"))
            .arg(topic().requires("all"))
            .arg(domain().requires("all"))
            .arg(reply().requires("all"))
            .arg(state(&changeable).requires("all"))
            .group(ArgGroup::new("which").args(["id", "all"]).required(true))
            .arg(json())
    };
    group("outbox", "Look at jobs, have them tried again, discard them").subcommands([
        with_settings(Command::new("list").about("List jobs, the one that is due for longest first"), OF_THE_DATABASE)
            .args([
                topic(),
                state(JobState::ALL).help("Only in this state; without it, all that are not delivered"),
                domain(),
                reply().help(
                    "Only those that failed so last: a reply's code, a class, or both, such as 'refused_5xx (550)'; of delivered \
                     ones, why nothing was sent, such as 'nobody has this address'",
                ),
                option("by", "KEYS", "Count jobs by these, with commas between, instead of listing them")
                    .value_delimiter(',')
                    .action(ArgAction::Append)
                    .value_parser(label(GroupBy::ALL)),
                limit(),
                json(),
            ]),
        with_settings(Command::new("show").about("Show jobs whole"), OF_THE_DATABASE).args([
            ids().required(true),
            flag("full", "Show names and addresses instead of their first letters"),
            json(),
        ]),
        change("retry", "Make pending or dead jobs due now"),
        change("discard", "Delete pending or dead jobs: what they were to do is never done")
            .arg(flag("yes", "Do not ask")),
    ])
}

/// `neodyme audit …`
pub(super) fn audit() -> Command {
    let time = |name, help| option(name, "TIME", help).value_parser(parse_time);
    let list = Command::new("list").about("List the audit trail, latest first");
    group("audit", "Look at who did what").subcommands([with_settings(list, OF_THE_DATABASE).args([
        option("user", "USER", "Only what happened to this user, by id or address").value_parser(Who::parse),
        option("actor", "ACTOR", "Only what this one did: anonymous, operator, or a user's id or address"),
        option("action", "ACTION", "Only this action, such as user.registered"),
        time("since", "Only from this time on: 2026-11-22T08:00:00Z, the day 2026-11-22 (UTC), or 24h for so long ago"),
        time("until", "Only before this time, which is given likewise"),
        option("request-id", "ID", "Only what this request did"),
        option("after", "PLACE", "Only what comes behind this place, which the page before named")
            .value_parser(parse_place),
        limit(),
        json(),
    ])])
}

/// `neodyme keys …`
pub(super) fn keys() -> Command {
    const LOST: &str =
        "Make it although key_encryption_key opens none of those there: what they were encrypted under is lost";
    let rotate = "Make a new key: it is published now, and signs after signing_key_lead; the old one leaves by itself";
    group("keys", "Look at the keys that sign access tokens, change them").subcommands([
        with_settings(Command::new("list").about("List the keys, the first one first"), OF_THE_DATABASE).arg(json()),
        with_settings(Command::new("rotate").about(rotate), OF_THE_DATABASE)
            .arg(flag("now", "Have it sign at once: who verifies tokens may not know it for some minutes"))
            .arg(flag("key-lost", LOST).requires("now"))
            .arg(json()),
    ])
}

pub(super) fn group(name: &'static str, about: &'static str) -> Command {
    Command::new(name).about(about).subcommand_required(true).arg_required_else_help(true)
}

fn ids() -> Arg {
    option("id", "ID", "A job; may be repeated").action(ArgAction::Append).value_parser(parse_id)
}

pub(super) fn limit() -> Arg {
    let help = "Maximum rows";
    option("limit", "N", help).default_value(LIMIT).value_parser(value_parser!(u32).range(1..))
}

/// One of these labels.
pub(super) fn label<T: LabelSet + Send + Sync>(labels: &[T]) -> impl TypedValueParser<Value = T> {
    let names: Vec<_> = labels.iter().flat_map(|label| label.values()).collect();
    PossibleValuesParser::new(names).try_map(|text| parse(&text).ok_or("unknown"))
}

fn topic_name() -> impl TypedValueParser<Value = TopicName> {
    let all = topics::ALL.iter().map(|topic| topic.name);
    PossibleValuesParser::new(all.clone().map(TopicName::as_str))
        .try_map(move |text| all.clone().find(|name| name.as_str() == text).ok_or("unknown"))
}

fn parse_reply(text: &str) -> Result<Reply, &'static str> {
    const ACCEPTED: &str = "accepted: the code of a reply, such as 550, a class, such as timeout, both, as in 'refused_5xx (550)', or \
        the words why nothing was sent";
    Reply::parse(text).ok_or(ACCEPTED)
}

fn parse_id(text: &str) -> Result<Uuid, &'static str> {
    Uuid::parse_str(text).map_err(|_| "accepted: a whole id such as 019ea8b2-6d7c-7c01-a3f1-5d0cbe7a1d10")
}

fn parse_place(text: &str) -> Result<Position, &'static str> {
    Position::parse(text).ok_or("accepted: the place that the page before named")
}

pub(super) fn parse_time(text: &str) -> Result<OffsetDateTime, &'static str> {
    let ago = |duration| OffsetDateTime::now_utc().checked_sub(time::Duration::try_from(duration).ok()?);
    let day = || Date::parse(text, format_description!("[year]-[month]-[day]")).ok();
    OffsetDateTime::parse(text, &Rfc3339)
        .ok()
        .or_else(|| day().map(|day| day.midnight().assume_utc()))
        .or_else(|| humantime::parse_duration(text).ok().and_then(ago))
        .ok_or("accepted: 2026-11-22T08:00:00Z, 2026-11-22, or 24h for so long ago")
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_time_is_a_point_a_day_or_so_long_ago() {
        assert_eq!(parse_time("2026-11-22T09:00:00+01:00"), Ok(datetime!(2026-11-22 08:00 UTC)));
        assert_eq!(parse_time("2026-11-22"), Ok(datetime!(2026-11-22 00:00 UTC)));
        let ago = parse_time("90m").unwrap();
        let ago = OffsetDateTime::now_utc() - ago;
        assert!(ago >= time::Duration::minutes(90) && ago < time::Duration::minutes(91), "{ago}");
        for wrong in ["", "yesterday", "2026-11-22 08:00", "2026-13-01", "999999999999y"] {
            assert!(parse_time(wrong).is_err(), "{wrong}");
        }
    }
}
