//! Changed rules. The expressions are found by their indentation and changed as text: no parser comes between.

use std::collections::BTreeSet;
use std::fs;
use std::ops::Range;
use std::path::Path;

/// A file of rules with one change.
pub struct Mutant {
    /// File, rule, and the change: `outbox.yml NeodymeOutboxStuck: 900 → 810`.
    pub name: String,
    /// The name of the file.
    pub file: String,
    /// Its changed text.
    pub text: String,
    /// What the rule speaks of: its name, metrics and label values.
    pub words: BTreeSet<String>,
}

/// A place and what to put there.
type Change = (Range<usize>, String);

/// Every mutant of a file.
pub fn mutants(path: &Path) -> Vec<Mutant> {
    let text = fs::read_to_string(path).unwrap();
    let file = path.file_name().unwrap().to_str().unwrap();
    let mut mutants: Vec<Mutant> = Vec::new();
    for (rule, place, what) in places(&text) {
        let changes = match what {
            What::Expression => expression_changes(&text[place.clone()]),
            What::For => for_changes(&text[place.clone()]),
        };
        let words = words(&[&*rule, " ", &text[place.clone()]].concat());
        for (range, new) in changes {
            let range = place.start + range.start..place.start + range.end;
            let (old, changed) = (&text[range.clone()], [&text[..range.start], &*new, &text[range.end..]].concat());
            let name =
                format!("{file} {rule}: {} → {}", old.trim(), if new.is_empty() { "nothing" } else { new.trim() });
            let same = mutants
                .iter()
                .filter(|other| other.name == name || other.name.starts_with(&format!("{name} #")))
                .count();
            let name = if same == 0 { name } else { format!("{name} #{}", same + 1) };
            mutants.push(Mutant { name, file: file.to_owned(), text: changed, words: words.clone() });
        }
    }
    mutants
}

/// Names of metrics and rules, and label values.
pub fn words(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != ':');
    words.filter(|word| word.len() > 3).map(str::to_owned).collect()
}

enum What {
    Expression,
    For,
}

/// The expressions and the `for` of each rule, with the rule's name.
fn places(text: &str) -> Vec<(String, Range<usize>, What)> {
    let mut places = Vec::new();
    let (mut rule, mut start, mut block) = (String::new(), 0, None::<(usize, usize)>);
    for line in text.split_inclusive('\n') {
        let indent = line.len() - line.trim_start().len();
        if let Some((begin, depth)) = block
            && !line.trim().is_empty()
            && indent <= depth
        {
            places.push((rule.clone(), begin..start, What::Expression));
            block = None;
        }
        let trimmed = line.trim();
        if let Some(name) = trimmed.strip_prefix("- alert: ").or_else(|| trimmed.strip_prefix("- record: ")) {
            name.clone_into(&mut rule);
        } else if trimmed.starts_with("expr: |") {
            block = Some((start + line.len(), indent));
        } else if let Some(at) = line.find("expr: ") {
            places.push((rule.clone(), start + at + 6..start + line.len(), What::Expression));
        } else if trimmed.starts_with("for: ") {
            places.push((rule.clone(), start..start + line.len(), What::For));
        }
        start += line.len();
    }
    if let Some((begin, _)) = block {
        places.push((rule, begin..start, What::Expression));
    }
    places
}

fn for_changes(line: &str) -> Vec<Change> {
    let start = line.find("for: ").unwrap() + 5;
    let value = start..line.trim_end().len();
    let mut changes = scaled(&line[value.clone()]).into_iter().map(|new| (value.clone(), new)).collect::<Vec<_>>();
    changes.push((0..line.len(), String::new()));
    changes
}

fn expression_changes(expression: &str) -> Vec<Change> {
    let bytes = expression.as_bytes();
    let (mut changes, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        let rest = &expression[at..];
        let before = at.checked_sub(1).map_or(b' ', |before| bytes[before]);
        let length = match bytes[at] {
            b'{' => {
                let end = rest.find('}').unwrap();
                changes.extend(
                    matcher_changes(&rest[1..end]).into_iter().map(|(r, new)| (at + 1 + r.start..at + 1 + r.end, new)),
                );
                end + 1
            }
            b'[' => {
                // Of `[5m:5s]` the window; the step is resolution, not meaning.
                let end = rest.find([':', ']']).unwrap();
                changes.extend(scaled(&rest[1..end]).into_iter().map(|new| (at + 1..at + end, new)));
                rest.find(']').unwrap() + 1
            }
            b'"' => rest[1..].find('"').unwrap() + 2,
            b'0'..=b'9' if !before.is_ascii_alphanumeric() && before != b'_' => {
                let length = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
                changes.extend(neighbours(&rest[..length]).into_iter().map(|new| (at..at + length, new)));
                length
            }
            _ => rest.chars().next().map_or(1, char::len_utf8),
        };
        at += length;
    }
    changes
}

/// Each matcher negated and left out, and each alternative of a regular expression left out.
fn matcher_changes(matchers: &str) -> Vec<Change> {
    let (mut changes, mut at) = (Vec::new(), 0);
    while let Some(quote) = matchers[at..].find('"').map(|offset| at + offset) {
        let end = quote + 1 + matchers[quote + 1..].find('"').unwrap();
        let next =
            (end + 1 + matchers[end + 1..].find(|c: char| c != ',' && c != ' ').unwrap_or(0)).min(matchers.len());
        // That every selector names the job is a test of its own.
        if matchers[at..].starts_with("job=") {
            at = next.max(end + 1);
            continue;
        }
        let operator = at + matchers[at..quote].find(['=', '!']).unwrap();
        let negated = match &matchers[operator..quote] {
            "=" => "!=",
            "!=" => "=",
            "=~" => "!~",
            _ => "=~",
        };
        changes.push((operator..quote, negated.to_owned()));
        let begin = if next == matchers.len() || end + 1 == matchers.len() {
            matchers[..at].trim_end_matches([' ', ',']).len()
        } else {
            at
        };
        let stop = if begin == at { next.max(end + 1) } else { end + 1 };
        changes.push((begin..stop, String::new()));
        let mut alternative = quote + 1;
        let values: Vec<&str> = matchers[quote + 1..end].split('|').collect();
        for (index, value) in values.iter().enumerate().filter(|_| values.len() > 1) {
            let range = if index == 0 {
                alternative..alternative + value.len() + 1
            } else {
                alternative - 1..alternative + value.len()
            };
            changes.push((range, String::new()));
            alternative += value.len() + 1;
        }
        at = next.max(end + 1);
    }
    changes
}

/// Half and double a duration.
fn scaled(duration: &str) -> Vec<String> {
    let (number, unit) = duration.trim().split_at(duration.trim().len() - 1);
    let seconds = number.parse::<u64>().unwrap()
        * match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            _ => 86400,
        };
    [seconds / 2, seconds * 2].map(|seconds| format!("{seconds}s")).to_vec()
}

/// The numbers beside a small whole one; a tenth less and more of any other. 0 has one neighbour that makes sense.
fn neighbours(number: &str) -> Vec<String> {
    let value: f64 = number.parse().unwrap();
    if value == 0.0 {
        vec!["1".into()]
    } else if number.contains('.') || value >= 100.0 {
        vec![format!("{}", value * 0.9), format!("{}", value * 1.1)]
    } else {
        vec![format!("{}", value - 1.0), format!("{}", value + 1.0)]
    }
}
