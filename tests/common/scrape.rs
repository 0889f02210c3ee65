//! Scrapes, and a matcher for what they hold:
//! `metric("neodyme_registrations_total").label("outcome", "success").value(1.0).assert_in(&app).await`.

use std::collections::{BTreeMap, BTreeSet};

use super::app::TestApp;
use super::eventually;

/// One line of an exposition.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The metric, with `_bucket`, `_sum` or `_count` for parts of a histogram.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its value.
    pub value: f64,
}

impl Sample {
    /// Name and labels: what makes it a series.
    pub fn series(&self) -> String {
        format!("{}{:?}", self.name, self.labels)
    }
}

/// A parsed exposition.
#[derive(Clone, Debug)]
pub struct Scrape {
    /// All samples, as they came.
    pub samples: Vec<Sample>,
    /// The type of each metric family.
    pub types: BTreeMap<String, String>,
}

impl Scrape {
    /// Parses text format 0.0.4.
    pub fn parse(text: &str) -> Scrape {
        let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
        let types = types.map(|(name, kind)| (name.to_owned(), kind.to_owned())).collect();
        let samples = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(sample).collect();
        Scrape { samples, types }
    }

    /// All series.
    pub fn series(&self) -> BTreeSet<String> {
        self.samples.iter().map(Sample::series).collect()
    }
}

fn sample(line: &str) -> Sample {
    let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no value in {line}"));
    let value = value.parse().unwrap_or_else(|_| panic!("no number in {line}"));
    let (name, labels) = match series.split_once('{') {
        Some((name, labels)) => (name, self::labels(labels.strip_suffix('}').unwrap())),
        None => (series, BTreeMap::new()),
    };
    Sample { name: name.to_owned(), labels, value }
}

/// `a="x",b="y"`; values may hold escaped quotes.
fn labels(mut text: &str) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    while let Some((name, rest)) = text.split_once("=\"") {
        let mut escaped = false;
        let end = rest.find(|c| {
            let ends = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            ends
        });
        let end = end.unwrap_or_else(|| panic!("no closing quote in {rest}"));
        labels.insert(name.trim_start_matches(',').to_owned(), rest[..end].to_owned());
        text = &rest[end + 1..];
    }
    labels
}

/// Looks for the series of a metric.
pub fn metric(name: &str) -> Matcher {
    Matcher { name: name.to_owned(), labels: BTreeMap::new() }
}

/// The series with a name and, at least, some labels.
#[derive(Clone, Debug)]
pub struct Matcher {
    name: String,
    labels: BTreeMap<String, String>,
}

impl Matcher {
    /// Only series with this label.
    pub fn label(mut self, name: &str, value: impl ToString) -> Matcher {
        self.labels.insert(name.to_owned(), value.to_string());
        self
    }

    /// Expects the sum of the series to be `value`.
    pub fn value(self, value: f64) -> Expectation<impl Fn(f64) -> bool> {
        Expectation { what: format!("is {value}"), series: self, holds: move |sum| sum == value }
    }

    /// Expects the sum of the series to be at least `value`.
    pub fn at_least(self, value: f64) -> Expectation<impl Fn(f64) -> bool> {
        Expectation { what: format!("is at least {value}"), series: self, holds: move |sum| sum >= value }
    }

    /// The sum of the series; nothing where there is none.
    pub fn sum_in(&self, scrape: &Scrape) -> Option<f64> {
        let fits = |sample: &&Sample| {
            sample.name == self.name && self.labels.iter().all(|(name, value)| sample.labels.get(name) == Some(value))
        };
        scrape.samples.iter().filter(fits).map(|sample| sample.value).reduce(|a, b| a + b)
    }

    /// The sum of the series now; fails where there is none.
    pub async fn read(&self, app: &TestApp) -> f64 {
        self.sum_in(&app.metrics().await).unwrap_or_else(|| panic!("no series {self:?}"))
    }
}

/// What the series' sum must be.
pub struct Expectation<F> {
    what: String,
    series: Matcher,
    holds: F,
}

impl<F: Fn(f64) -> bool> Expectation<F> {
    /// Scrapes until it holds: a request is counted after its answer is on its way.
    pub async fn assert_in(self, app: &TestApp) {
        let Expectation { what, series, holds } = self;
        let mut last = None;
        eventually(&format!("{series:?} {what}"), async || {
            last = series.sum_in(&app.metrics().await);
            last.filter(|sum| holds(*sum))
        })
        .await;
    }
}
