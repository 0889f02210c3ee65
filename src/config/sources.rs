//! Where values come from, and which source wins: flags, then environment, then file.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::problem::Problems;
use super::setting::Setting;
use super::source::{Source, Texts};
use super::suggestion::question;
use super::{SETTINGS, file};

/// The variable that names the TOML file.
pub const CONFIG_VARIABLE: &str = "NEODYME_CONFIG";

/// Everything that may give values.
#[derive(Debug, Default)]
pub struct Sources {
    /// Keys and values of the flags.
    pub flags: Vec<(&'static str, String)>,
    /// The file named by `--config`.
    pub config_file: Option<PathBuf>,
    /// The environment; what does not begin with `NEODYME_`, or a slip of it, is not looked at.
    pub environment: Vec<(OsString, OsString)>,
}

impl Sources {
    /// The sources of this process.
    pub fn of_process(flags: Vec<(&'static str, String)>, config_file: Option<PathBuf>) -> Self {
        Self { flags, config_file, environment: std::env::vars_os().collect() }
    }

    /// Collects from the weakest source to the strongest, so that the last one wins.
    pub(super) fn collect(&self, problems: &mut Problems) -> Texts {
        let mut texts = Texts::new();
        if let Some((path, named_by)) = self.file() {
            file::read(&path, &named_by, &mut texts, problems);
        }
        for (name, value) in &self.environment {
            if let Some(name) = name.to_str().filter(|name| is_meant_for_us(name)) {
                self.read_variable(name, value, &mut texts, problems);
            }
        }
        for (key, text) in &self.flags {
            if let Some(setting) = Setting::find(key) {
                texts.insert(setting.key, (text.clone(), Source::Flag(setting.flag())));
            }
        }
        texts
    }

    fn file(&self) -> Option<(PathBuf, String)> {
        let from_flag = self.config_file.clone().map(|path| (path, "--config".to_owned()));
        from_flag.or_else(|| Some((self.variable(CONFIG_VARIABLE)?.into(), CONFIG_VARIABLE.to_owned())))
    }

    fn variable(&self, name: &str) -> Option<&OsStr> {
        self.environment.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_os_str())
    }

    fn read_variable(&self, name: &str, value: &OsStr, texts: &mut Texts, problems: &mut Problems) {
        if let Some(setting) = SETTINGS.iter().find(|setting| setting.variable() == name) {
            match value.to_str() {
                Some(text) => _ = texts.insert(setting.key, (text.to_owned(), Source::Variable(name.to_owned()))),
                None => problems.add(Some(setting.key), name, format!("{} is not UTF-8", setting.key)),
            }
        } else if let Some(setting) = SETTINGS.iter().find(|setting| setting.file_variable().as_deref() == Some(name)) {
            if self.variable(&setting.variable()).is_some() {
                let text = format!("{} is set by {} too: unset one of them", setting.key, setting.variable());
                problems.add(Some(setting.key), name, text);
            } else {
                read_secret_file(setting, name, Path::new(value), texts, problems);
            }
        } else if !is_foreign(name, value) {
            problems.add(
                None,
                name.escape_debug(),
                format!("there is no setting of this name{}", suggest_variable(name)),
            );
        }
    }
}

fn read_secret_file(setting: &Setting, name: &str, path: &Path, texts: &mut Texts, problems: &mut Problems) {
    let source = Source::VariableFile(name.to_owned(), path.to_owned());
    match std::fs::read_to_string(path) {
        Ok(text) => {
            texts.insert(setting.key, (text.trim_end_matches(['\r', '\n']).to_owned(), source));
        }
        Err(error) => problems.add(Some(setting.key), source, format!("{} cannot be read: {error}", setting.key)),
    }
}

/// Whether the name begins with our prefix, in whatever case and with at most one slip: `NEODYM_LOG_LEVEL` would otherwise be
/// a setting that silently counts for nothing.
fn is_meant_for_us(name: &str) -> bool {
    let prefix = name.split_once('_').map(|(prefix, _)| prefix.to_ascii_uppercase());
    prefix.is_some_and(|prefix| strsim::osa_distance(&prefix, "NEODYME") <= 1)
}

/// Variables of our prefix that are not the operator's: those of the build, which `cargo run` passes on, and those with
/// which Kubernetes and Docker announce a service that is called neodyme.
fn is_foreign(name: &str, value: &OsStr) -> bool {
    let names_port = |(_, rest): (&str, &str)| rest.starts_with(|first: char| first.is_ascii_digit());
    [CONFIG_VARIABLE, "NEODYME_REVISION", "NEODYME_RUSTC"].contains(&name)
        || name.ends_with("_SERVICE_HOST")
        || name.ends_with("_SERVICE_PORT")
        || name.contains("_SERVICE_PORT_")
        || name.rsplit_once("_PORT_").is_some_and(names_port)
        || name.ends_with("_PORT") && value.to_string_lossy().contains("://")
}

fn suggest_variable(name: &str) -> String {
    let names = SETTINGS.iter().flat_map(|setting| [Some(setting.variable()), setting.file_variable()]).flatten();
    question(name, names.chain([CONFIG_VARIABLE.to_owned()]))
}
