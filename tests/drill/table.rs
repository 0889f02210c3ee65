//! The tables: what is expected, and what came of it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use super::faults::{FAULTS, Fault};
use super::run::Outcome;

/// Of every fault who must hear of it and who may: what docs/ALERTING.md shows.
pub fn expectations() -> String {
    let row = |fault: &Fault| {
        let pages: Vec<String> = fault.pages.iter().map(|alerts| alerts.join(" or ")).collect();
        let [pages, warnings, may] = [pages.join("; and "), fault.warnings.join(", "), fault.may.join(", ")]
            .map(|cell| if cell.is_empty() { "none".to_owned() } else { cell });
        format!("| {} | {pages} | {warnings} | {may} |\n", fault.name)
    };
    let head = "| fault | page | warning | may accompany it |\n|---|---|---|---|\n";
    FAULTS.iter().skip(1).fold(head.to_owned(), |table, fault| table + &row(fault))
}

/// What was told.
pub fn results(outcomes: &[Outcome]) -> String {
    outcomes.iter().fold(RESULTS.to_owned(), |table, outcome| table + &row(outcome))
}

const RESULTS: &str = "| fault | expected | received, and after how many seconds | first, s | users said / true | false pages | over after, s | told again after the end | | when, load |\n\
                       |---|---|---|--:|--:|--:|--:|--:|---|---|\n";

fn row(outcome: &Outcome) -> String {
    let Outcome { fault, injected, mended, told, .. } = outcome;
    let seconds = |duration: Duration| format!("{:.0}", duration.as_secs_f64());
    let pages = fault.pages.iter().map(|alerts| format!("PagerDuty: {}", alerts.join(" or ")));
    let expected: Vec<String> = pages.chain(fault.warnings.iter().map(|alert| format!("Slack: {alert}"))).collect();
    let received = told.received(*injected);
    let first = received.first().map_or("–".to_owned(), |(_, _, after)| seconds(*after));
    let received = received.iter().map(|(alert, who, after)| format!("{who}: {alert}, {}", seconds(*after)));
    let received: Vec<String> = received.collect();
    let [expected, received] = [expected, received].map(|alerts| match alerts.is_empty() {
        true => "silence".to_owned(),
        false => alerts.join("<br>"),
    });
    let over = told.resolved(fault).filter(|_| !fault.is_silent());
    let over = over.map_or("–".to_owned(), |at| seconds(at.saturating_duration_since(*mended)));
    let false_pages = told.false_pages(fault, *injected).len();
    let users = outcome.users.map_or("–".to_owned(), |(said, met)| format!("{said} / {met}"));
    let repeated = outcome.repeated.len();
    let complaints = outcome.complaints();
    let verdict = match (complaints.is_empty(), fault.is_silent()) {
        (true, false) => "found".to_owned(),
        (true, true) => "silent".to_owned(),
        (false, _) => format!("**{}**", complaints.join("; ")),
    };
    let when = when();
    format!(
        "| {} | {expected} | {received} | {first} | {users} | {false_pages} | {over} | {repeated} | {verdict} | {when} |\n",
        fault.name
    )
}

/// The time, and how many threads wanted a processor on average over the last quarter of an hour.
fn when() -> String {
    let format = time::macros::format_description!("[year]-[month]-[day] [hour]:[minute] UTC");
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').nth(2).unwrap_or("?").to_owned();
    format!("{}, {load}", time::OffsetDateTime::now_utc().format(format).unwrap())
}

/// Replaces the row of this fault in docs/DRILL.md.
pub fn record(outcome: &Outcome) {
    static WRITING: Mutex<()> = Mutex::new(());
    let _writing = WRITING.lock().unwrap();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/DRILL.md");
    let name = |row: &str| row.split(" |").next().unwrap_or_default().trim_start_matches("| ").to_owned();
    let page = fs::read_to_string(&file).unwrap_or_default();
    let (_, rows) = page.split_once(RESULTS).unwrap_or_default();
    let mut rows: BTreeMap<String, String> = rows.lines().map(|row| (name(row), format!("{row}\n"))).collect();
    rows.insert(outcome.fault.name.to_owned(), row(outcome));
    let rows = FAULTS.iter().filter_map(|fault| rows.remove(fault.name));
    fs::write(&file, format!("{HEAD}\n{RESULTS}{}", rows.collect::<String>())).unwrap();
}

const HEAD: &str = include_str!("document.md");
