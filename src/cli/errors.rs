//! `neodyme errors`: the table of error types.

use super::output::print;
use super::table::align;
use crate::error::{ErrorCode, markdown, statuses};

pub(super) fn run(as_markdown: bool) -> anyhow::Result<()> {
    if as_markdown {
        return print(markdown());
    }
    let head = ["error", "kind", "status", "meaning", "what to do"].map(String::from);
    print(align(std::iter::once(head).chain(ErrorCode::ALL.iter().map(|code| row(*code)))))
}

fn row(code: ErrorCode) -> [String; 5] {
    let about = code.about();
    let [name, kind, meaning, remedy] =
        [code.as_str(), about.kind.as_str(), about.meaning, about.remedy].map(String::from);
    [name, kind, statuses(code), meaning, remedy]
}
