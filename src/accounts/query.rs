//! Parameters of a query, as lists take them.

use std::ops::RangeInclusive;

use schemars::{Schema, json_schema};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::datetime;
use uuid::Uuid;

use crate::error::{Error, Result};
use crate::http::Values;
use crate::label::{LabelSet, parse};
use crate::text;

/// One of a closed set of names.
pub(super) fn choice<L: LabelSet>(values: &Values, name: &'static str) -> Result<Option<L>> {
    read(values, name, parse, || names::<L>().join(", "))
}

/// What happened at all happened between these.
const EARLIEST: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;
const LATEST: OffsetDateTime = datetime!(9999-12-31 00:00 UTC);

/// A point in time.
pub(super) fn time(values: &Values, name: &'static str) -> Result<Option<OffsetDateTime>> {
    let parse = |text: &str| OffsetDateTime::parse(text, &Rfc3339).ok().map(|time| time.clamp(EARLIEST, LATEST));
    read(values, name, parse, || "a time such as 2026-11-22T08:00:00Z (RFC 3339)".to_owned())
}

/// An id.
pub(super) fn id(values: &Values, name: &'static str) -> Result<Option<Uuid>> {
    read(values, name, |text| Uuid::parse_str(text).ok(), || "an id".to_owned())
}

/// A number within these bounds.
pub(super) fn number(values: &Values, name: &'static str, bounds: RangeInclusive<usize>) -> Result<Option<usize>> {
    let parse = |text: &str| text.parse().ok().filter(|number| bounds.contains(number));
    read(values, name, parse, || format!("a number from {} to {}", bounds.start(), bounds.end()))
}

/// The most rows of a page, and how many there are unless the client says otherwise.
const MOST: usize = 200;
const USUAL: usize = 50;

/// How many rows a page has at most.
pub(super) fn limit(values: &Values) -> Result<usize> {
    Ok(number(values, "limit", 1..=MOST)?.unwrap_or(USUAL))
}

/// Takes the rows beyond the page away, of which one more was asked for. Says whether there are more.
pub(super) fn cut<T>(rows: &mut Vec<T>, limit: usize) -> bool {
    let has_more = rows.len() > limit;
    rows.truncate(limit);
    has_more
}

/// Something else, as `parse` reads it.
pub(super) fn read<T>(
    values: &Values,
    parameter: &'static str,
    parse: impl Fn(&str) -> Option<T>,
    accepted: impl Fn() -> String,
) -> Result<Option<T>> {
    let read = |text| parse(text).ok_or_else(|| Error::InvalidParameter { parameter, accepted: accepted() });
    values.get(parameter).map(read).transpose()
}

fn names<L: LabelSet>() -> Vec<&'static str> {
    L::all().into_iter().flat_map(LabelSet::values).collect()
}

/// The form of one of a closed set of names.
pub(super) fn schema<L: LabelSet>() -> Schema {
    json_schema!({ "type": "string", "enum": names::<L>() })
}

/// The form of a text of up to so many characters.
pub(super) fn text_schema(most: usize) -> Schema {
    json_schema!({ "type": "string", "maxLength": most, "pattern": text::pattern() })
}

/// The form of a number within these bounds.
pub(super) fn number_schema(bounds: RangeInclusive<usize>) -> Schema {
    json_schema!({ "type": "integer", "minimum": bounds.start(), "maximum": bounds.end() })
}

/// The form of the limit of a page.
pub(super) fn limit_schema() -> Schema {
    number_schema(1..=MOST)
}

/// The form of a point in time.
pub(super) fn time_schema() -> Schema {
    json_schema!({ "type": "string", "format": "date-time" })
}

/// The form of an id.
pub(super) fn id_schema() -> Schema {
    json_schema!({ "type": "string", "format": "uuid" })
}
