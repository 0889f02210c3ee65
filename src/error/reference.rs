//! `docs/ERRORS.md`, written from the table of error types.

use std::fmt::Write;

use super::{ErrorCode, ErrorKind};

const INTRODUCTION: &str = "\
# Errors

<!-- Written by `neodyme errors --markdown`: to change it, edit src/error/code.rs and run `make docs`. -->

An error has one name everywhere: `code` in the answer, `error_type` in the log and in `neodyme_errors_total`, `type` on
`/errors` of the operations listener, which keeps the last occurrences of each with their request ids.

";

/// The reference of all error types.
pub fn markdown() -> String {
    let mut text = INTRODUCTION.to_owned();
    for kind in ErrorKind::ALL {
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "## {}\n\n{}\n\n| Code | Status | Alert | Meaning | What to do |\n|---|---|---|---|---|\n",
            heading(*kind),
            explanation(*kind)
        );
        for code in ErrorCode::ALL.iter().filter(|code| code.kind() == *kind) {
            let about = code.about();
            let alert =
                code.alert().map_or_else(|| "none".into(), |alert| format!("`{}`", alert.replace(", ", "`, `")));
            let (meaning, remedy) = (about.meaning, about.remedy);
            let _ = writeln!(text, "| `{}` | {} | {alert} | {meaning} | {remedy} |", code.as_str(), statuses(*code));
        }
        text.push('\n');
    }
    text.truncate(text.trim_end().len() + 1);
    text
}

/// The statuses of an error type in words.
pub fn statuses(code: ErrorCode) -> String {
    match code.about().statuses {
        [] => "none".into(),
        statuses => statuses.iter().map(u16::to_string).collect::<Vec<_>>().join(", "),
    }
}

fn heading(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Critical => "Critical",
        ErrorKind::Unexpected => "Unexpected",
        ErrorKind::Expected => "Expected",
    }
}

fn explanation(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Critical => "They page from the first one on.",
        ErrorKind::Unexpected => "They warn when there are many of one type, or when one type hits many users.",
        ErrorKind::Expected => "Everyday business: counted, never paged as errors.",
    }
}
