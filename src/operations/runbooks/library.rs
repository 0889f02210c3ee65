//! The documents of this version, which the binary carries: rendered once, when the first is asked for.

use std::path::{Component, Path, PathBuf};

use lazy_static::lazy_static;

use super::markdown::{Block, Section, render};

/// `(path, text)`, in the order of the paths; `build.rs` writes it.
const SOURCES: &[(&str, &str)] = &include!(concat!(env!("OUT_DIR"), "/documents.rs"));
const FOLDER: &str = "docs";
const RUNBOOKS: &str = "docs/runbooks";

lazy_static! {
    static ref LIBRARY: Vec<Document> = SOURCES.iter().map(|(path, text)| Document::of(path, text)).collect();
}

/// A runbook, or another document.
pub(super) struct Document {
    pub(super) kind: Kind,
    /// The name of its file, without the ending.
    pub(super) name: &'static str,
    pub(super) title: String,
    /// Of a runbook when its alert fires, of another document what it begins with.
    pub(super) about: String,
    /// Of a runbook those that its alert has, the most severe first.
    pub(super) severities: Vec<String>,
    pub(super) markdown: &'static str,
    pub(super) html: String,
    pub(super) sections: Vec<Section>,
    pub(super) blocks: Vec<Block>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// What to do about an alert.
    Runbook,
    /// How something is.
    Reference,
}

/// Every document, in the order of the names.
pub(super) fn documents() -> &'static [Document] {
    &LIBRARY
}

/// The document of a name, which may have the ending of its file.
pub(super) fn find(kind: Kind, name: &str) -> Option<&'static Document> {
    let name = name.strip_suffix(".md").unwrap_or(name);
    documents().iter().find(|document| document.kind == kind && document.name == name)
}

impl Document {
    fn of(path: &'static str, markdown: &'static str) -> Document {
        let (kind, name) = place(path);
        let rendered = render(markdown, |target| address(path, target));
        let first = rendered.blocks.first().map_or("", |block| &block.text);
        let (severities, about) = match first.strip_prefix("Severity: ").and_then(|line| line.split_once(". Fires: ")) {
            Some((severities, when)) => (severities.split(", ").map(str::to_owned).collect(), capital(when)),
            None => (Vec::new(), first_sentence(first)),
        };
        let (title, html) = (rendered.title, rendered.html);
        let (sections, blocks) = (rendered.sections, rendered.blocks);
        Document { kind, name, title, about, severities, markdown, html, sections, blocks }
    }

    /// Where the listener serves it.
    pub(super) fn address(&self) -> String {
        address_of(self.kind, self.name)
    }
}

fn place(path: &'static str) -> (Kind, &'static str) {
    let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
    let kind = if folder == RUNBOOKS { Kind::Runbook } else { Kind::Reference };
    (kind, file.strip_suffix(".md").unwrap_or(file))
}

fn address_of(kind: Kind, name: &str) -> String {
    match kind {
        Kind::Runbook => format!("/runbooks/{name}"),
        Kind::Reference => format!("/docs/{name}"),
    }
}

/// Where a link in a document leads on the listener; `None` where that is not served.
fn address(page: &str, target: &str) -> Option<String> {
    if target.contains("://") || target.starts_with('#') {
        return Some(target.to_owned());
    }
    let (file, heading) =
        target.split_once('#').map_or((target, String::new()), |(file, name)| (file, format!("#{name}")));
    let path = normal(&Path::new(page).parent()?.join(file))?;
    if path == Path::new(RUNBOOKS) || path == Path::new(FOLDER) {
        return Some("/runbooks/".to_owned());
    }
    let (path, _) = SOURCES.iter().find(|(known, _)| Path::new(known) == path)?;
    let (kind, name) = place(path);
    Some(address_of(kind, name) + &heading)
}

/// The path without `.` and `..`; `None` where it leads out of the project.
fn normal(path: &Path) -> Option<PathBuf> {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(name) => normal.push(name),
            Component::ParentDir => normal.pop().then_some(())?,
            _ => {}
        }
    }
    Some(normal)
}

fn capital(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

fn first_sentence(text: &str) -> String {
    match text.split_once(". ") {
        Some((first, _)) => format!("{first}."),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_leads_to_what_is_served() {
        let from = |target| address("docs/runbooks/NeodymeDown.md", target);
        for (target, leads_to) in [
            ("NeodymeInstanceDown.md", "/runbooks/NeodymeInstanceDown"),
            ("../DATABASE.md#kinds-of-failure", "/docs/DATABASE#kinds-of-failure"),
            ("#do", "#do"),
            ("https://jqlang.org", "https://jqlang.org"),
            ("..", "/runbooks/"),
        ] {
            assert_eq!(from(target).as_deref(), Some(leads_to), "{target}");
        }
        for nowhere in ["../../README.md", "Nothing.md", "../../../../etc/passwd", "../adr/README.md"] {
            assert_eq!(from(nowhere), None, "{nowhere}");
        }
    }

    #[test]
    fn every_runbook_says_when_its_alert_fires_and_every_document_what_it_is_about() {
        for document in documents() {
            assert_eq!(document.kind == Kind::Runbook, !document.severities.is_empty(), "{}", document.name);
            assert!(
                document.about.ends_with('.') && !document.title.is_empty(),
                "{}: {}",
                document.name,
                document.about
            );
        }
        let down = find(Kind::Runbook, "NeodymeDown.md").map(|found| (&*found.title, &*found.severities));
        assert_eq!(down, Some(("NeodymeDown", &["critical".to_owned()][..])));
        assert!(find(Kind::Reference, "NeodymeDown").is_none());
    }
}
