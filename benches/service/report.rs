//! The rows of the result: a table for people, JSON for programs.

use std::path::{Path, PathBuf};
use std::{fs, thread};

use serde::Serialize;

use crate::stats;

/// What a row must keep to.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// The value must be this or more.
    AtLeast(f64),
    /// The value must be this or less.
    AtMost(f64),
}

/// How a row stands to its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It is met.
    Pass,
    /// It is missed by less than the row's spread.
    NotDecided,
    /// It is missed.
    Fail,
}

/// One measured quantity.
#[derive(Debug, Serialize)]
pub struct Row {
    name: String,
    unit: &'static str,
    measured: f64,
    reference: Option<f64>,
    ratio: Option<f64>,
    /// Applies to the ratio where there is one, else to the measured value.
    limit: Option<Limit>,
    /// How far another run might differ.
    spread: f64,
    verdict: Option<Verdict>,
    /// What the value was made of: one value a slice, or a start.
    samples: Vec<f64>,
}

impl Row {
    /// A row that only informs.
    pub fn new(name: impl Into<String>, unit: &'static str, measured: f64) -> Row {
        let (reference, ratio, limit, verdict) = (None, None, None, None);
        Row { name: name.into(), unit, measured, reference, ratio, limit, spread: 0.0, verdict, samples: Vec::new() }
    }

    /// Sets it beside a reference of the same unit; the ratio is the given one, as it may be a median of ratios.
    pub fn beside(mut self, reference: f64, ratio: f64) -> Row {
        (self.reference, self.ratio) = (Some(reference), Some(ratio));
        self
    }

    /// Sets it beside a reference of the same unit.
    pub fn over(self, reference: f64) -> Row {
        let ratio = self.measured / reference;
        self.beside(reference, ratio)
    }

    /// Demands a least value of the ratio, or of the measured value where there is no ratio.
    pub fn at_least(self, least: f64) -> Row {
        self.limited(Limit::AtLeast(least))
    }

    /// Demands a greatest value of the ratio, or of the measured value where there is no ratio.
    pub fn at_most(self, most: f64) -> Row {
        self.limited(Limit::AtMost(most))
    }

    /// Says of how many single values, measured in turn, the ratio or the value is the median: how far they scatter tells
    /// what the row can decide. Comes before a limit.
    pub fn scattered_as(mut self, singles: &[f64]) -> Row {
        self.spread = stats::error_of_median(singles);
        self
    }

    /// Whether the row misses its limit by less than it scatters.
    pub fn is_undecided(&self) -> bool {
        self.verdict == Some(Verdict::NotDecided)
    }

    /// Keeps the single values for the JSON file.
    pub fn samples(mut self, samples: Vec<f64>) -> Row {
        self.samples = samples;
        self
    }

    fn limited(mut self, limit: Limit) -> Row {
        let value = self.ratio.unwrap_or(self.measured);
        let missed_by = match limit {
            Limit::AtLeast(least) => least - value,
            Limit::AtMost(most) => value - most,
        };
        self.limit = Some(limit);
        self.verdict = Some(match missed_by {
            missed if missed <= 0.0 => Verdict::Pass,
            missed if missed <= self.spread => Verdict::NotDecided,
            _ => Verdict::Fail,
        });
        self
    }

    fn cells(&self) -> [String; 6] {
        let limit = match self.limit {
            Some(Limit::AtLeast(least)) => format!("≥ {}", rounded(least)),
            Some(Limit::AtMost(most)) => format!("≤ {}", rounded(most)),
            None => String::new(),
        };
        let verdict = match self.verdict {
            None => "",
            Some(Verdict::Pass) => "pass",
            Some(Verdict::NotDecided) => "not decided",
            Some(Verdict::Fail) => "FAIL",
        };
        [
            format!("{} ({})", self.name, self.unit),
            rounded(self.measured),
            self.reference.map(rounded).unwrap_or_default(),
            self.ratio.map(|ratio| format!("{ratio:.3}")).unwrap_or_default(),
            limit,
            verdict.to_owned(),
        ]
    }
}

fn write_line(table: &mut String, cells: &[String; 6], widths: &[usize; 6]) {
    for (column, (cell, width)) in cells.iter().zip(widths).enumerate() {
        let padding = " ".repeat(width - cell.chars().count());
        *table += &if column == 0 { format!("| {cell}{padding} ") } else { format!("| {padding}{cell} ") };
    }
    *table += "|\n";
}

/// The line below the title: the first column is aligned to the left, the others to the right.
fn rule(column: usize, width: usize) -> String {
    if column == 0 { "-".repeat(width) } else { "-".repeat(width - 1) + ":" }
}

fn rounded(value: f64) -> String {
    match value.abs() {
        magnitude if magnitude >= 1000.0 => format!("{value:.0}"),
        magnitude if magnitude >= 20.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// Everything that was measured in one run.
#[derive(Debug, Serialize)]
pub struct Report {
    version: &'static str,
    quick: bool,
    cores: usize,
    load_before: f64,
    passed: bool,
    rows: Vec<Row>,
}

impl Report {
    /// An empty report; `load_before` is the load of the machine before the first measurement.
    pub fn new(quick: bool, load_before: f64) -> Report {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Report { version: env!("CARGO_PKG_VERSION"), quick, cores, load_before, passed: true, rows: Vec::new() }
    }

    /// Appends rows.
    pub fn add(&mut self, rows: Vec<Row>) {
        self.passed &= rows.iter().all(|row| row.verdict != Some(Verdict::Fail));
        self.rows.extend(rows);
    }

    /// Whether no limit is missed, as far as it could be decided.
    pub fn passed(&self) -> bool {
        self.passed
    }

    /// The rows as a Markdown table with aligned columns.
    pub fn table(&self) -> String {
        let title = ["what", "measured", "reference", "ratio", "limit", "result"].map(str::to_owned);
        let lines: Vec<_> = std::iter::once(title).chain(self.rows.iter().map(Row::cells)).collect();
        let widths: [usize; 6] =
            std::array::from_fn(|column| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0));
        let mut table = String::new();
        for (index, line) in lines.iter().enumerate() {
            write_line(&mut table, line, &widths);
            if index == 0 {
                write_line(&mut table, &std::array::from_fn(|column| rule(column, widths[column])), &widths);
            }
        }
        table
    }

    /// Writes the report as JSON into the build folder and returns the path of the file.
    pub fn write(&self) -> anyhow::Result<PathBuf> {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap_or(Path::new("."));
        let folder = target.join("bench");
        fs::create_dir_all(&folder)?;
        let file = folder.join("service.json");
        fs::write(&file, serde_json::to_string_pretty(self)? + "\n")?;
        Ok(file)
    }
}
