//! What `neodyme email` and `neodyme page` have in common: the language of a preview, and the built-in templates as files.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use clap::{Arg, ArgMatches, Command, value_parser};

use super::output::print;
use crate::language::{Language, lookup};
use crate::text::escape;

/// The flag for the language of a preview.
pub(super) fn language() -> Arg {
    let language = Arg::new("language").long("language").value_name("LANGUAGE").value_parser(parse_language);
    language.help("Language, such as de [default: mail_default_language]")
}

fn parse_language(text: &str) -> Result<Language, String> {
    Language::parse(text).map_err(|fault| format!("it {fault}"))
}

/// The one of these languages that fits: whoever asks for another here is shown none instead.
pub(super) fn spoken<'a>(language: &Language, languages: &'a [Language]) -> anyhow::Result<&'a Language> {
    let listed = || languages.iter().map(Language::as_str).collect::<Vec<_>>().join(", ");
    let found = lookup(language.as_str(), languages);
    found.ok_or_else(|| anyhow!("there are no templates in {language}, but in {}", listed()))
}

/// The subcommand that writes built-in templates.
pub(super) fn command(about: &'static str) -> Command {
    let folder = Arg::new("folder").value_name("FOLDER").required(true).value_parser(value_parser!(PathBuf));
    Command::new("templates").about(about).arg(folder.help("Where to; what is there already stays as it is"))
}

/// Writes files into the folder that the subcommand was given, and says which setting has them used.
pub(super) fn write<'a>(
    files: impl Iterator<Item = (String, &'a str)>,
    setting: &str,
    matches: &ArgMatches,
) -> anyhow::Result<()> {
    let folder = matches.get_one::<PathBuf>("folder").cloned().unwrap_or_default();
    for (name, text) in files {
        let path = folder.join(name);
        let shown = path.display().to_string();
        let shown = escape(&shown);
        let is_new = write_new(&path, text).with_context(|| format!("the template {shown} cannot be written"))?;
        print(format_args!("{}  {shown}\n", if is_new { "written" } else { "kept   " }))?;
    }
    let absolute = std::path::absolute(&folder).unwrap_or(folder);
    print(format_args!(
        "\nTo have them used from the next start on, set\n  {setting} = \"{}\"\n\
         Delete those that you leave as they are: neodyme has them built in.\n",
        escape(&absolute.display().to_string())
    ))
}

/// Whether there was no such file, and now is.
fn write_new(path: &Path, text: &str) -> io::Result<bool> {
    path.parent().map_or(Ok(()), fs::create_dir_all)?;
    let mut file = match File::create_new(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(false),
        created => created?,
    };
    let written = file.write_all(text.as_bytes());
    if written.is_err() {
        // Half a template would be kept the next time.
        let _ = fs::remove_file(path);
    }
    written.map(|()| true)
}
