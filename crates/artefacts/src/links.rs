//! Links between pages, and to headings in them, lead somewhere, and the README leads to every document.

use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::artefact::{files, read};
use crate::pattern::regex;

/// Looks at all pages.
pub fn check() -> Result<()> {
    let documents = files("docs", ".md")?;
    let pages =
        [files(".", ".md")?, documents.clone(), files("docs/runbooks", ".md")?, files("docs/adr", ".md")?].concat();
    let link = regex(r"\]\(([^)\s]+)\)");
    for page in &pages {
        let text = read(page)?;
        for target in link.captures_iter(&text).map(|found| found[1].to_owned()) {
            leads_somewhere(page, &target).with_context(|| format!("{page} links to {target}"))?;
        }
    }
    let readme = read("README.md")?;
    for document in documents {
        ensure!(readme.contains(&format!("]({document}")), "the README does not link {document}");
    }
    Ok(())
}

fn leads_somewhere(page: &str, target: &str) -> Result<()> {
    if target.contains("://") {
        return Ok(());
    }
    let (file, heading) = target.split_once('#').unwrap_or((target, ""));
    let folder = Path::new(page).parent().unwrap_or(Path::new("."));
    let path = if file.is_empty() { Path::new(page).to_owned() } else { folder.join(file) };
    ensure!(path.exists(), "there is no {}", path.display());
    if !heading.is_empty() {
        let known = read(&path.to_string_lossy())?;
        ensure!(headings(&known).any(|known| known == heading), "there is no heading {heading}");
    }
    Ok(())
}

/// The names by which links know the headings of a page.
fn headings(page: &str) -> impl Iterator<Item = String> {
    let titles = page.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
    titles.map(|title| {
        let kept = title.chars().filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c));
        kept.collect::<String>().to_lowercase().replace(' ', "-")
    })
}
