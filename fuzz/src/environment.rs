//! The configuration in variables of the environment.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use neodyme::config::{CONFIG_VARIABLE, Config, Sources};

use super::configuration::{assert_sound, hides_canary, setting_of, text_of};
use super::shown::assert_no_canary;

/// Any values are a configuration or are refused, and nothing is shown of a secret.
///
/// An input has a variable on each line: `NAME=value`, in which `\n` stands for the end of a line.
pub fn check(input: &[u8]) {
    let variables: Vec<(OsString, OsString)> = input.split(|byte| *byte == b'\n').filter_map(variable).collect();
    let texts = variables.iter().map(|(name, value)| (name.to_string_lossy(), value.to_string_lossy()));
    let is_hidden = texts.into_iter().all(|(name, value)| hides_canary(setting_of(&name), &value));
    let loaded = Config::load(&Sources { environment: variables, ..Sources::default() });
    assert_sound(&loaded, input);
    if is_hidden {
        assert_no_canary(&text_of(&loaded));
    }
}

fn variable(line: &[u8]) -> Option<(OsString, OsString)> {
    let at = line.iter().position(|byte| *byte == b'=')?;
    let name = OsStr::from_bytes(&line[..at]);
    // Files are the operator's, and this machine's.
    let names_file = name == CONFIG_VARIABLE || name.as_bytes().ends_with(b"_FILE");
    (!names_file).then(|| (name.to_owned(), OsStr::from_bytes(&unescaped(&line[at + 1..])).to_owned()))
}

fn unescaped(value: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some((first, after)) = rest.split_first() {
        let is_newline = rest.starts_with(br"\n");
        bytes.push(if is_newline { b'\n' } else { *first });
        rest = if is_newline { &rest[2..] } else { after };
    }
    bytes
}
