//! `GET /runbooks/` and the documents that it leads to: what to do about an alert, where the person on call has nothing but
//! an instance. They hold no secret, so nobody needs the token, which a link in an alert could not bring along.

mod library;
mod markdown;
mod search;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, VARY};
use http::request::Parts;
use http::{HeaderValue, Method};
use schemars::json_schema;
use serde::Serialize;

use self::library::{Document, Kind, documents, find};
use self::markdown::Section;
use self::search::{Hit, Piece, Words};
use super::large_answers::take_place;
use super::page::{asks_for_page, page};
use crate::build;
use crate::error::{Error, ErrorCode, Result};
use crate::http::{
    Access, Body, Call, Endpoint, FromPath, FromQuery, Head, Held, Media, Page, Parameter, Path, Query, Response,
    Values, with_header,
};
use crate::state::App;

const MARKDOWN: HeaderValue = HeaderValue::from_static("text/markdown; charset=utf-8");

/// The lines of the table.
pub(super) fn endpoints() -> Vec<Endpoint<App>> {
    const LIST: &str = "The runbooks and the documents of this version, with a search (`?q=`).";
    const RUNBOOK: &str = "What to do about an alert: a page, or Markdown for a terminal.";
    const REFERENCE: &str = "A document, in the same forms.";
    const SOURCE: &str = "The same runbook, under the path of its source, which alerts and dashboards name.";
    let runbook = |call, input| show(Kind::Runbook, call, input);
    let reference = |call, input| show(Kind::Reference, call, input);
    let table = [
        Endpoint::new(Access::Anyone, Method::GET, "/runbooks/", LIST, list)
            .fails_with(&[ErrorCode::ServiceOverloaded]),
        Endpoint::new(Access::Anyone, Method::GET, "/runbooks/{name}", RUNBOOK, runbook),
        Endpoint::new(Access::Anyone, Method::GET, "/docs/{name}", REFERENCE, reference),
        Endpoint::new(Access::Anyone, Method::GET, "/docs/runbooks/{name}", SOURCE, runbook),
    ];
    table.map(|endpoint| endpoint.always().counted_as("/runbooks/")).into()
}

/// The text of a runbook, as Markdown; the name may have the ending of its file.
pub fn runbook(name: &str) -> Option<&'static str> {
    find(Kind::Runbook, name).map(|document| document.markdown)
}

/// The names of all runbooks, and when their alerts fire.
pub fn runbooks() -> impl Iterator<Item = (&'static str, &'static str)> {
    let runbooks = documents().iter().filter(|document| document.kind == Kind::Runbook);
    runbooks.map(|document| (document.name, document.about.as_str()))
}

struct Question(String);

struct Name(String);

#[derive(Serialize)]
struct List<'a> {
    question: &'a str,
    has_words: bool,
    found: usize,
    groups: [Group; 2],
    version: &'static str,
    revision: &'static str,
}

#[derive(Serialize)]
struct Group {
    title: &'static str,
    entries: Vec<Entry>,
}

#[derive(Serialize)]
struct Entry {
    address: String,
    title: &'static str,
    severities: &'static [String],
    /// One line, with what was searched for.
    line: Vec<Piece>,
}

#[derive(Serialize)]
struct Shown {
    title: &'static str,
    is_runbook: bool,
    sections: &'static [Section],
    html: &'static str,
    version: &'static str,
    revision: &'static str,
}

/// A search looks at every word of every document, for anybody: it takes a place, as what costs much does.
async fn list(call: Call<App>, Query(Question(question)): Query<Question>) -> Result<Held<Page>> {
    let place = take_place(&call.state, &call.context)?;
    Ok(Held { answer: aside(move || listed(&question)).await?, place })
}

fn listed(question: &str) -> Result<Page> {
    let words = Words::of(question);
    let entries: Vec<(Kind, Entry)> = match &words {
        Some(words) => {
            words.find(documents()).into_iter().map(|hit| (hit.document.kind, entry_of(hit, words))).collect()
        }
        None => documents().iter().map(|document| (document.kind, entry(document))).collect(),
    };
    let found = entries.len();
    let (runbooks, references): (Vec<_>, Vec<_>) = entries.into_iter().partition(|(kind, _)| *kind == Kind::Runbook);
    let group =
        |title, entries: Vec<(Kind, Entry)>| Group { title, entries: entries.into_iter().map(|(_, e)| e).collect() };
    let groups = [group("By alert", runbooks), group("Reference", references)];
    let build::Build { version, revision, .. } = build::INFO;
    let (question, has_words) = (question.trim(), words.is_some());
    page("runbooks.html", List { question, has_words, found, groups, version, revision })
}

fn entry(document: &'static Document) -> Entry {
    let line = vec![Piece { text: document.about.clone(), is_hit: false }];
    Entry { address: document.address(), title: &document.title, severities: &document.severities, line }
}

/// A hit leads to its place.
fn entry_of(hit: Hit<'static>, words: &Words) -> Entry {
    let entry = entry(hit.document);
    match hit.block {
        Some(block) if block.anchor.is_empty() => Entry { line: words.mark(&block.text), ..entry },
        Some(block) => {
            Entry { address: format!("{}#{}", entry.address, block.anchor), line: words.mark(&block.text), ..entry }
        }
        None => entry,
    }
}

async fn show(kind: Kind, _call: Call<App>, (Path(Name(name)), Head(head)): (Path<Name>, Head)) -> Result<Told> {
    aside(move || told(find(kind, &name).ok_or(Error::NotFound)?, wants_page(&head))).await
}

fn told(document: &'static Document, as_page: bool) -> Result<Told> {
    let response = if as_page {
        let Document { title, kind, sections, html, .. } = document;
        let build::Build { version, revision, .. } = build::INFO;
        page("runbook.html", Shown { title, is_runbook: *kind == Kind::Runbook, sections, html, version, revision })?.0
    } else {
        let text = Bytes::from_static(document.markdown.as_bytes());
        with_header(Response::new(Body::from(text)), CONTENT_TYPE, MARKDOWN)
    };
    Ok(Told(with_header(response, VARY, HeaderValue::from_static("Accept"))))
}

/// Does what may take some milliseconds where no other request waits: the first one has all documents rendered.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Error::Internal(format!("a page was not made: {error}")))?
}

/// A browser says that it wants one; `curl` says that anything will do.
fn wants_page(head: &Parts) -> bool {
    asks_for_page(head) == Some(true)
}

/// A document in the form that was asked for.
struct Told(Response);

impl Media for Told {
    const TYPES: &'static [&'static str] = &["text/html", "text/markdown"];

    fn into_response(self) -> Response {
        self.0
    }
}

impl FromQuery for Question {
    fn parameters() -> Vec<Parameter> {
        let about = "Words that have to be in a document, all of them; the first eight count.";
        vec![Parameter::new("q", about, json_schema!({ "type": "string" }))]
    }

    fn from_query(values: &Values) -> Result<Self> {
        Ok(Question(values.get("q").unwrap_or_default().to_owned()))
    }
}

impl FromPath for Name {
    fn parts() -> Vec<Parameter> {
        let about = "The name of its file; the ending `.md` may be left away.";
        vec![Parameter::new("name", about, json_schema!({ "type": "string" }))]
    }

    fn from_path(texts: &Values) -> Option<Self> {
        texts.get("name").map(|name| Name(name.to_owned()))
    }
}
