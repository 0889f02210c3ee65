//! Pages that are written by hand, with tables between `<!-- generated: NAME … -->` and `<!-- end -->` that are not.

use anyhow::{Context, Result, ensure};
use regex::Captures;

use crate::alerts::Alerts;
use crate::artefact::{Artefact, files, read};
use crate::pattern::regex;
use crate::program::Program;
use crate::tables;

const BEGIN: &str = "<!-- generated: ";
const END: &str = "<!-- end -->";

/// All of them.
pub fn all(program: &Program, alerts: &Alerts) -> Result<Vec<Artefact>> {
    let pages = [files(".", ".md")?, files("docs", ".md")?].concat();
    let mut filled = Vec::new();
    for path in pages {
        let page = read(&path)?;
        if lines(&page, BEGIN) > 0 {
            let text = fill(&page, program, alerts).with_context(|| path.clone())?;
            filled.push(Artefact { path, text });
        }
    }
    Ok(filled)
}

/// How many lines begin with a mark; within a line somebody writes about it.
fn lines(page: &str, mark: &str) -> usize {
    page.lines().filter(|line| line.starts_with(mark)).count()
}

/// The page with its tables as they are now.
fn fill(page: &str, program: &Program, alerts: &Alerts) -> Result<String> {
    let region = regex(r"(?ms)^(<!-- generated: (\S+)([^>]*) -->\n).*?^(<!-- end -->)$");
    let regions = region.captures_iter(page).count();
    let is_whole = [BEGIN, END].iter().all(|mark| lines(page, mark) == regions);
    ensure!(is_whole, "a table begins without an end, or ends without a beginning");
    let tables: Vec<String> = region
        .captures_iter(page)
        .map(|region| tables::table(&region[2], &region[3].split_whitespace().collect::<Vec<_>>(), program, alerts))
        .collect::<Result<_>>()?;
    let mut tables = tables.into_iter();
    let filled = |region: &Captures<'_>| [&region[1], &tables.next().unwrap_or_default(), &region[4]].concat();
    Ok(region.replace_all(page, filled).into_owned())
}
