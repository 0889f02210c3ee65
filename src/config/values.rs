//! Turns the collected texts into values, and remembers what was made of them.

use super::Secret;
use super::problem::{Problems, quote};
use super::source::{Source, Texts};
use super::value::Value;
use crate::text::is_control;

/// A setting as it is in force.
#[derive(Clone, Debug)]
pub struct Effective {
    /// The setting.
    pub key: &'static str,
    /// Its value, secrets redacted; empty for none.
    pub value: String,
    /// Where the value comes from.
    pub source: Source,
}

/// The texts that are still to be read.
pub(super) struct Values<'a> {
    pub texts: Texts,
    pub problems: &'a mut Problems,
    effective: Vec<Effective>,
    secrets: Vec<Secret>,
}

impl<'a> Values<'a> {
    pub fn new(texts: Texts, problems: &'a mut Problems) -> Self {
        Self { texts, problems, effective: Vec::new(), secrets: Vec::new() }
    }

    /// The value of a setting. If it is refused, that is noted and the default stands in for it, so that the checks that
    /// follow find what else is wrong.
    pub fn take<T: Value>(&mut self, key: &'static str, default: &str, limits: &T::Limits) -> Option<T> {
        let given = self.texts.remove(key);
        let value = match &given {
            Some((text, source)) => self.parse(key, text, source, limits),
            None => None,
        };
        let value: T = value.or_else(|| self.parse(key, default, &Source::Default, limits))?;
        let source = given.map_or(Source::Default, |(_, source)| source);
        self.secrets.extend(value.secrets());
        self.effective.push(Effective { key, value: value.show(), source });
        Some(value)
    }

    /// What was taken so far, and the secrets in it.
    pub fn take_what_was_found(&mut self) -> (Vec<Effective>, Vec<Secret>) {
        (std::mem::take(&mut self.effective), std::mem::take(&mut self.secrets))
    }

    fn parse<T: Value>(&mut self, key: &'static str, text: &str, source: &Source, limits: &T::Limits) -> Option<T> {
        let fault = match T::read(text, limits) {
            _ if matches!(source, Source::Flag(_)) && T::is_secret(text) => {
                self.problems.add(Some(key), source, refusal_of_flag(key));
                return None;
            }
            Ok(_) if T::SECRET && text.is_empty() && *source != Source::Default => "is empty".into(),
            // A line break is somebody else's: that of an editor, or of a second line that is not meant.
            _ if T::SECRET && text.contains(is_control) => "has a line break or another control character".into(),
            Ok(value) => return Some(value),
            Err(fault) => fault,
        };
        let shown = if T::SECRET { "the value".into() } else { quote(text) };
        let accepted = T::accepted(limits);
        self.problems.add(Some(key), source, format!("{key}: {shown} {fault}; accepted: {accepted}"));
        None
    }
}

fn refusal_of_flag(key: &str) -> String {
    let [variable, file] = ["", "_FILE"].map(|end| format!("NEODYME_{}{end}", key.to_uppercase()));
    format!(
        "{key} holds a secret, and every user of this machine can read command lines; use {variable}, {file} or the \
         configuration file"
    )
}
