//! `GET /errors`: what went wrong since the start, for scripts as JSON and for people as a page.

use http::header::{ACCEPT, VARY};
use http::request::Parts;
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use time::OffsetDateTime;

use super::large_answers::take_place;
use super::page::page;
use crate::error::{Error, ErrorCode, Result};
use crate::http::{Context, Request, Response, json, with_header, with_place};
use crate::state::App;
use crate::telemetry::errors::{MEMORY_BOUND, SAMPLES, Sample, recorder};
use crate::values::accept::prefers_html;
use crate::values::timestamp;

/// What is asked for; everything where nothing is said.
#[derive(Default)]
struct Filter {
    code: Option<ErrorCode>,
    request_id: Option<String>,
}

#[derive(Serialize)]
struct Report {
    #[serde(with = "timestamp")]
    timestamp: OffsetDateTime,
    #[serde(with = "timestamp")]
    since: OffsetDateTime,
    samples_per_type: usize,
    memory_bound_bytes: usize,
    filtered: bool,
    errors: Vec<TypeReport>,
}

#[derive(Serialize)]
struct TypeReport {
    #[serde(skip)]
    rank: usize,
    r#type: &'static str,
    kind: &'static str,
    meaning: &'static str,
    remedy: &'static str,
    count: u64,
    #[serde(serialize_with = "timestamp::option::serialize")]
    first_seen: Option<OffsetDateTime>,
    #[serde(serialize_with = "timestamp::option::serialize")]
    last_seen: Option<OffsetDateTime>,
    samples: Vec<Sample>,
}

/// The last errors of each type: the worst kind first, and within it the most recent.
pub(super) fn report(app: &App, context: &Context, request: &Request) -> Result<Response> {
    let place = take_place(app, context)?;
    let filter = Filter::parse(request.head.uri.query().unwrap_or_default())?;
    let report = Report {
        timestamp: OffsetDateTime::now_utc(),
        since: recorder().since(),
        samples_per_type: SAMPLES,
        memory_bound_bytes: MEMORY_BOUND,
        filtered: filter.code.is_some() || filter.request_id.is_some(),
        errors: filter.apply(),
    };
    let response =
        if wants_page(&request.head) { page("errors.html", &report)? } else { json(StatusCode::OK, &report)? };
    Ok(with_header(with_place(response, place), VARY, HeaderValue::from_static("Accept")))
}

/// Who accepts both, or does not say, chooses by the path: `/errors/` is the page.
fn wants_page(head: &Parts) -> bool {
    let accept = head.headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    prefers_html(accept).unwrap_or_else(|| head.uri.path().ends_with('/'))
}

impl Filter {
    fn parse(query: &str) -> Result<Filter> {
        let mut filter = Filter::default();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "type" => filter.code = Some(ErrorCode::parse(&value).ok_or_else(unknown_type)?),
                "request_id" => filter.request_id = Some(value.into_owned()),
                _ => {
                    let accepted = "type, request_id".to_owned();
                    return Err(Error::InvalidParameter { parameter: "a parameter of the query", accepted });
                }
            }
        }
        Ok(filter)
    }

    fn apply(&self) -> Vec<TypeReport> {
        let wanted = |code: &&ErrorCode| self.code.is_none_or(|wanted| wanted == **code);
        let reports = ErrorCode::ALL.iter().filter(wanted).map(|code| self.report(*code));
        let mut reports: Vec<_> =
            reports.filter(|report| self.request_id.is_none() || !report.samples.is_empty()).collect();
        let is_silent = |report: &TypeReport| report.count == 0;
        reports.sort_by_key(|report| (is_silent(report), report.rank, std::cmp::Reverse(report.last_seen)));
        reports
    }

    fn report(&self, code: ErrorCode) -> TypeReport {
        let (about, history) = (code.about(), recorder().history(code));
        let fits =
            |sample: &Sample| self.request_id.is_none() || sample.request_id.as_deref() == self.request_id.as_deref();
        TypeReport {
            rank: about.kind as usize,
            r#type: code.as_str(),
            kind: about.kind.as_str(),
            meaning: about.meaning,
            remedy: about.remedy,
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
