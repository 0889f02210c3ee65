//! The TOML file: flat keys, or tables whose names are put in front with `_`.

use std::fs;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::SETTINGS;
use super::problem::Problems;
use super::setting::Setting;
use super::source::{Source, Texts};
use super::suggestion::question;

/// Reads the file and puts its values, as text, into `texts`.
pub(super) fn read(path: &Path, named_by: &str, texts: &mut Texts, problems: &mut Problems) {
    let toml = match fs::read_to_string(path) {
        Ok(toml) => toml,
        Err(error) => {
            return problems.add(None, named_by, format!("{} cannot be read: {error}", path.display()));
        }
    };
    let (table, errors) = DeTable::parse_recoverable(&toml);
    let mut reader = Reader { path, toml: &toml, texts, problems };
    for error in &errors {
        // Not the error's own display: it shows the line, which may hold a secret.
        let start = error.span().map_or(0, |span| span.start);
        let text = format!("not TOML: {}{}", error.message(), remedy(reader.line(start)));
        reader.problems.add(None, reader.source(start), text);
    }
    if errors.is_empty() {
        reader.flatten("", table.get_ref());
    }
}

struct Reader<'a> {
    path: &'a Path,
    toml: &'a str,
    texts: &'a mut Texts,
    problems: &'a mut Problems,
}

impl Reader<'_> {
    fn flatten(&mut self, prefix: &str, table: &DeTable<'_>) {
        let mut entries: Vec<_> = table.iter().collect();
        entries.sort_by_key(|(name, _)| name.span().start);
        for (name, value) in entries {
            let key = format!("{prefix}{}", name.get_ref());
            let source = self.source(name.span().start);
            match (Setting::find(&key), value.get_ref()) {
                (Some(setting), value) => self.insert(setting, value, source),
                (None, DeValue::Table(inner)) => self.flatten(&format!("{key}_"), inner),
                (None, _) => {
                    let hint = question(&key, SETTINGS.iter().map(|setting| setting.key.to_owned()));
                    self.problems.add(None, source, format!("there is no setting {}{hint}", key.escape_debug()));
                }
            }
        }
    }

    fn insert(&mut self, setting: &'static Setting, value: &DeValue<'_>, source: Source) {
        let key = setting.key;
        match text_of(value, setting.list) {
            None => {
                let text = format!("{key} is a TOML {}; accepted: {}", value.type_str(), setting.accepted());
                self.problems.add(Some(key), source, text);
            }
            Some(text) => {
                if let Some((_, other)) = self.texts.insert(key, (text, source.clone())) {
                    self.problems.add(Some(key), source, format!("{key} is set in {other} too: remove one of them"));
                }
            }
        }
    }

    fn source(&self, offset: usize) -> Source {
        let before = self.toml.get(..offset).unwrap_or(self.toml);
        Source::File(self.path.to_owned(), before.matches('\n').count() + 1)
    }

    fn line(&self, offset: usize) -> &str {
        let (before, after) = self.toml.split_at_checked(offset).unwrap_or((self.toml, ""));
        let (begin, end) = (before.rfind('\n').map_or(0, |end| end + 1), after.find('\n').unwrap_or(after.len()));
        &self.toml[begin..before.len() + end]
    }
}

/// What to do about a line whose value is a text without quotes; of the line only the name is shown.
fn remedy(line: &str) -> String {
    let is_name = |name: &str| name.chars().all(|c| c.is_ascii_alphanumeric() || ['_', '-', '.'].contains(&c));
    let has_quotes = |value: &str| value.starts_with(['"', '\'', '[', '{']);
    let is_truth = |value: &str| ["true", "false"].iter().any(|truth| value.eq_ignore_ascii_case(truth));
    match line.split_once('=').map(|(name, value)| (name.trim(), value.trim())) {
        Some((name, value)) if is_name(name) && !value.is_empty() && !has_quotes(value) && !is_truth(value) => {
            format!("; a text needs quotes: {name} = \"…\"")
        }
        _ => String::new(),
    }
}

/// The value as it would stand in a flag or a variable; `None` if it cannot stand there.
fn text_of(value: &DeValue<'_>, list: bool) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => Some(match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => number.to_string(),
            Err(_) => number.to_string(),
        }),
        DeValue::Float(number) => Some(number.to_string()),
        DeValue::Boolean(truth) => Some(truth.to_string()),
        DeValue::Array(items) if list => {
            let texts: Option<Vec<_>> = items.iter().map(Spanned::get_ref).map(|item| text_of(item, false)).collect();
            Some(texts?.join(","))
        }
        DeValue::Array(_) | DeValue::Datetime(_) | DeValue::Table(_) => None,
    }
}
