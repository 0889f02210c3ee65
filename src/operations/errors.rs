//! `GET /errors`: what went wrong since the start, for scripts as JSON and for people as a page.

mod fold;

use http::header::VARY;
use http::request::Parts;
use http::{HeaderValue, Method, StatusCode};
use schemars::{Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use time::OffsetDateTime;

use self::fold::{Fold, folded};
use super::in_force;
use super::large_answers::take_place;
use super::page::{asks_for_page, page};
use super::words::count;
use crate::config::Config;
use crate::error::{Error, ErrorCode, ErrorKind, Result};
use crate::http::{
    Access, Call, Endpoint, FromQuery, Head, Held, Media, Parameter, Query, Response, Values, json, with_header,
};
use crate::state::App;
use crate::telemetry::errors::{MEMORY_BOUND, SAMPLES, Sample, recorder};
use crate::values::timestamp;

/// What is asked for; everything where nothing is said.
#[derive(Default)]
struct Filter {
    code: Option<ErrorCode>,
    request_id: Option<String>,
}

#[derive(Serialize, schemars::JsonSchema)]
struct Report {
    #[serde(with = "timestamp")]
    #[schemars(with = "timestamp::Moment")]
    timestamp: OffsetDateTime,
    #[serde(with = "timestamp")]
    #[schemars(with = "timestamp::Moment")]
    since: OffsetDateTime,
    samples_per_type: usize,
    memory_bound_bytes: usize,
    filtered: bool,
    errors: Vec<TypeReport>,
}

#[derive(Serialize, schemars::JsonSchema)]
struct TypeReport {
    #[serde(skip)]
    code: ErrorCode,
    r#type: &'static str,
    kind: &'static str,
    meaning: String,
    remedy: String,
    count: u64,
    #[serde(serialize_with = "timestamp::option::serialize")]
    #[schemars(with = "Option<timestamp::Moment>")]
    first_seen: Option<OffsetDateTime>,
    #[serde(serialize_with = "timestamp::option::serialize")]
    #[schemars(with = "Option<timestamp::Moment>")]
    last_seen: Option<OffsetDateTime>,
    samples: Vec<Sample>,
}

/// The line of the table.
pub(super) fn endpoint() -> Endpoint<App> {
    const ABOUT: &str =
        "What went wrong since the start, with the last samples of each type: a page, or JSON for scripts.";
    Endpoint::new(Access::Token, Method::GET, "/errors", ABOUT, report)
        .always()
        .fails_with(&[ErrorCode::ServiceOverloaded])
}

/// The last errors of each type: the worst kind first, and within it the most recent.
async fn report(call: Call<App>, (Query(filter), Head(head)): (Query<Filter>, Head)) -> Result<Held<Shown>> {
    let place = take_place(&call.state, &call.context)?;
    let report = Report {
        timestamp: OffsetDateTime::now_utc(),
        since: recorder().since(),
        samples_per_type: SAMPLES,
        memory_bound_bytes: MEMORY_BOUND,
        filtered: filter.code.is_some() || filter.request_id.is_some(),
        errors: filter.apply(&call.state.config),
    };
    let response = if wants_page(&head) {
        page("errors.html", View::of(&report, &call.state.config))?.0
    } else {
        json(StatusCode::OK, &report)?
    };
    Ok(Held { answer: Shown(with_header(response, VARY, HeaderValue::from_static("Accept"))), place })
}

/// The report as a person reads it: what happened and matters, then the everyday business, then what never happened.
#[derive(Serialize)]
struct View<'a> {
    #[serde(flatten)]
    report: &'a Report,
    unexpected: Vec<Seen<'a>>,
    expected: Vec<Seen<'a>>,
    expected_count: String,
    silent: Vec<&'a TypeReport>,
}

/// An error type that was seen, or asked for.
#[derive(Serialize)]
struct Seen<'a> {
    #[serde(flatten)]
    about: &'a TypeReport,
    times: String,
    folds: Vec<Fold<'a>>,
    runbook: Option<&'static str>,
}

impl<'a> View<'a> {
    fn of(report: &'a Report, config: &Config) -> Self {
        let is_shown = |error: &&TypeReport| error.count > 0 || report.filtered;
        let is_expected = |error: &&TypeReport| error.code.kind() == ErrorKind::Expected;
        let (expected, unexpected): (Vec<_>, Vec<_>) = report.errors.iter().filter(is_shown).partition(is_expected);
        let seen = |about: &'a TypeReport| Seen::of(about, config);
        View {
            report,
            expected_count: count(expected.iter().map(|error| error.count).sum()),
            unexpected: unexpected.into_iter().map(seen).collect(),
            expected: expected.into_iter().map(seen).collect(),
            silent: report.errors.iter().filter(|error| !is_shown(error)).collect(),
        }
    }
}

impl<'a> Seen<'a> {
    fn of(about: &'a TypeReport, config: &Config) -> Self {
        Seen { about, times: count(about.count), folds: folded(&about.samples, config), runbook: about.code.runbook() }
    }
}

/// The report in the form that was asked for.
struct Shown(Response);

impl Media for Shown {
    const TYPES: &'static [&'static str] = &["application/json", "text/html"];
    const SCHEMA: Option<fn(&mut SchemaGenerator) -> Schema> = Some(SchemaGenerator::subschema_for::<Report>);

    fn into_response(self) -> Response {
        self.0
    }
}

/// Who accepts both, or does not say, chooses by the path: `/errors/` is the page.
fn wants_page(head: &Parts) -> bool {
    asks_for_page(head).unwrap_or_else(|| head.uri.path().ends_with('/'))
}

impl FromQuery for Filter {
    fn parameters() -> Vec<Parameter> {
        let codes: Vec<_> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
        let r#type = json_schema!({ "type": "string", "enum": codes });
        vec![
            Parameter::new("type", "Only errors of this type.", r#type),
            Parameter::new("request_id", "Only of this request.", json_schema!({ "type": "string" })),
        ]
    }

    fn from_query(values: &Values) -> Result<Self> {
        let code = values.get("type").map(|name| ErrorCode::parse(name).ok_or_else(unknown_type)).transpose()?;
        Ok(Filter { code, request_id: values.get("request_id").map(str::to_owned) })
    }
}

impl Filter {
    fn apply(&self, config: &Config) -> Vec<TypeReport> {
        let wanted = |code: &&ErrorCode| self.code.is_none_or(|wanted| wanted == **code);
        let reports = ErrorCode::ALL.iter().filter(wanted).map(|code| self.report(*code, config));
        let mut reports: Vec<_> =
            reports.filter(|report| self.request_id.is_none() || !report.samples.is_empty()).collect();
        let is_silent = |report: &TypeReport| report.count == 0;
        reports.sort_by_key(|report| {
            (is_silent(report), report.code.kind() as usize, std::cmp::Reverse(report.last_seen))
        });
        reports
    }

    fn report(&self, code: ErrorCode, config: &Config) -> TypeReport {
        let (about, history) = (code.about(), recorder().history(code));
        let fits =
            |sample: &Sample| self.request_id.is_none() || sample.request_id.as_deref() == self.request_id.as_deref();
        TypeReport {
            code,
            r#type: code.as_str(),
            kind: about.kind.as_str(),
            meaning: in_force::meaning(about.meaning, config),
            remedy: in_force::remedy(about.remedy, config),
            count: history.count,
            first_seen: history.first_seen,
            last_seen: history.last_seen,
            samples: history.samples.into_iter().rev().filter(fits).collect(),
        }
    }
}

fn unknown_type() -> Error {
    let accepted = ErrorCode::ALL.iter().map(|code| code.as_str()).collect::<Vec<_>>().join(", ");
    Error::InvalidParameter { parameter: "this type", accepted }
}
