//! Changed rules: one number, window, matcher, operator or `for` at a time.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Duration;

use promql_parser::label::Matcher;
use promql_parser::parser::token::{
    T_EQL, T_EQL_REGEX, T_EQLC, T_GTE, T_GTR, T_LAND, T_LOR, T_LSS, T_LTE, T_LUNLESS, T_NEQ, T_NEQ_REGEX, TokenId,
    TokenType,
};
use promql_parser::parser::{
    BinaryExpr, Expr, MatrixSelector, NumberLiteral, ParenExpr, SubqueryExpr, VectorSelector, parse,
};
use promql_parser::util::parse_duration;
use promql_parser::util::visitor::{ExprVisitor, ExprVisitorMut, walk_expr, walk_expr_mut};
use serde_json::{Value, json};

/// A rule with one change.
pub struct Mutant {
    /// The change: `10 → 9`, of several alike with a number.
    pub change: String,
    /// The changed rule.
    pub rule: Value,
}

/// Every mutant of a rule.
pub fn mutants(rule: &Value) -> Vec<Mutant> {
    let expression = parse(rule["expr"].as_str().unwrap()).unwrap();
    let mut nodes = Nodes(Vec::new());
    let Ok(_) = walk_expr(&mut nodes, &expression);
    let expressions = nodes
        .0
        .iter()
        .enumerate()
        .flat_map(|(at, node)| changes(node).into_iter().map(move |(change, new)| (change, at, new)));
    let expressions = expressions.map(|(change, at, new)| {
        let mut changed = expression.clone();
        let Ok(_) = walk_expr_mut(&mut Replace { at, new: Some(new) }, &mut changed);
        (change, "expr", json!(changed.to_string()))
    });
    let mut seen = BTreeMap::<String, usize>::new();
    let all = expressions.chain(holds(rule).into_iter().map(|(change, hold)| (change, "for", hold)));
    all.map(|(change, key, value)| {
        let count = seen.entry(change.clone()).or_default();
        *count += 1;
        let change = if *count == 1 { change } else { format!("{change} #{count}") };
        let mut rule = rule.clone();
        rule[key] = value;
        Mutant { change, rule }
    })
    .collect()
}

/// The nodes of an expression, parents first.
struct Nodes(Vec<Expr>);

impl ExprVisitor for Nodes {
    type Error = Infallible;

    fn pre_visit(&mut self, node: &Expr) -> Result<bool, Infallible> {
        self.0.push(node.clone());
        Ok(true)
    }
}

/// Puts something else in place of one node, counted in the same order.
struct Replace {
    at: usize,
    new: Option<Expr>,
}

impl ExprVisitorMut for Replace {
    type Error = Infallible;

    fn pre_visit(&mut self, node: &mut Expr) -> Result<bool, Infallible> {
        if self.at == 0
            && let Some(new) = self.new.take()
        {
            *node = new;
            return Ok(false);
        }
        self.at -= 1;
        Ok(true)
    }
}

/// A change's name, and what comes in place of the node.
type Change = (String, Expr);

fn changes(node: &Expr) -> Vec<Change> {
    match node {
        Expr::NumberLiteral(number) => {
            let new = |value| (format!("{node} → {value}"), Expr::NumberLiteral(NumberLiteral::new(value)));
            neighbours(number.val).into_iter().map(new).collect()
        }
        Expr::VectorSelector(selector) => {
            selectors(selector).into_iter().map(Expr::from).map(|new| (named(node, &new), new)).collect()
        }
        Expr::MatrixSelector(window) => {
            let with = |vs, range| Expr::MatrixSelector(MatrixSelector { vs, range });
            let windows = scaled(window.range).map(|range| with(window.vs.clone(), range));
            let others = selectors(&window.vs).into_iter().map(|selector| with(selector, window.range));
            windows.into_iter().chain(others).map(|new| (named(node, &new), new)).collect()
        }
        Expr::Subquery(window) => {
            // Of `[5m:5s]` the window; the step is resolution, not meaning.
            let new = |range| Expr::Subquery(SubqueryExpr { range, ..window.clone() });
            scaled(window.range).map(new).map(|new| (named(node, &new), new)).into()
        }
        Expr::Binary(binary) => operators(binary),
        _ => Vec::new(),
    }
}

fn named(old: &Expr, new: &Expr) -> String {
    format!("{old} → {new}")
}

/// The numbers beside a small whole one, a tenth less and more of any other; of what is nearly 1, of what is missing to it.
fn neighbours(value: f64) -> Vec<f64> {
    let round = |value: f64| (value * 1e6).round() / 1e6;
    if value == 0.0 {
        vec![1.0]
    } else if value > 0.9 && value < 1.0 {
        [0.9, 1.1].map(|factor| round(1.0 - (1.0 - value) * factor)).to_vec()
    } else if value.fract() != 0.0 || value >= 100.0 {
        [0.9, 1.1].map(|factor| round(value * factor)).to_vec()
    } else {
        vec![value - 1.0, value + 1.0]
    }
}

/// Half and double.
fn scaled(window: Duration) -> [Duration; 2] {
    [window / 2, window * 2]
}

/// Each matcher negated and left out, and each alternative of a regular expression left out.
fn selectors(selector: &VectorSelector) -> Vec<VectorSelector> {
    let matchers = &selector.matchers.matchers;
    let with = |matchers: Vec<Matcher>| {
        let mut changed = selector.clone();
        changed.matchers.matchers = matchers;
        changed
    };
    // That every selector names the job is a test of its own.
    let places = matchers.iter().enumerate().filter(|(_, matcher)| matcher.name != "job");
    places
        .flat_map(|(at, matcher)| {
            let without = matchers.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, other)| other.clone());
            let without: Vec<Matcher> = without.collect();
            let instead = replacements(matcher).into_iter().map(|new| {
                let mut changed = matchers.clone();
                changed[at] = new;
                changed
            });
            instead.chain([without]).map(with).collect::<Vec<_>>()
        })
        .collect()
}

fn replacements(matcher: &Matcher) -> Vec<Matcher> {
    let (same, negated) = match matcher.op.to_string().as_str() {
        "=" => (T_EQL, T_NEQ),
        "!=" => (T_NEQ, T_EQL),
        "=~" => (T_EQL_REGEX, T_NEQ_REGEX),
        _ => (T_NEQ_REGEX, T_EQL_REGEX),
    };
    let new = |operator, value| Matcher::new_matcher(operator, matcher.name.clone(), value).unwrap();
    let values: Vec<&str> = matcher.value.split('|').collect();
    let fewer = (0..values.len()).filter(|_| values.len() > 1).map(|left_out| {
        let kept = values.iter().enumerate().filter(|(at, _)| *at != left_out).map(|(_, value)| *value);
        new(same, kept.collect::<Vec<_>>().join("|"))
    });
    [new(negated, matcher.value.clone())].into_iter().chain(fewer).collect()
}

/// Comparisons turned around and moved by equality; set operators exchanged, and one side alone.
fn operators(binary: &BinaryExpr) -> Vec<Change> {
    let operator = |id: TokenId| {
        let op = TokenType::new(id);
        // In parentheses, for it may bind less than what it replaces.
        let changed = Expr::Binary(BinaryExpr { op, ..binary.clone() });
        (format!("{} → {op}", binary.op), Expr::Paren(ParenExpr { expr: Box::new(changed) }))
    };
    let left = || (format!("only the left of `{}`", binary.op), (*binary.lhs).clone());
    let right = || (format!("only the right of `{}`", binary.op), (*binary.rhs).clone());
    // Two measured values are never exactly equal.
    let exact = matches!(*binary.rhs, Expr::NumberLiteral(_));
    let comparison =
        |turned, moved: TokenId| [turned, moved].into_iter().take(1 + usize::from(exact)).map(operator).collect();
    match binary.op.id() {
        T_GTR => comparison(T_LSS, T_GTE),
        T_GTE => comparison(T_LTE, T_GTR),
        T_LSS => comparison(T_GTR, T_LTE),
        T_LTE => comparison(T_GTE, T_LSS),
        T_EQLC => vec![operator(T_NEQ)],
        T_LAND => vec![operator(T_LOR), operator(T_LUNLESS), left()],
        T_LOR => vec![operator(T_LAND), left(), right()],
        T_LUNLESS => vec![operator(T_LAND), left()],
        _ => Vec::new(),
    }
}

/// Half as long, twice as long, and at once; an alert that does not wait, after a minute.
fn holds(rule: &Value) -> Vec<(String, Value)> {
    let new = |hold: &str| (format!("for: {} → {hold}", rule["for"].as_str().unwrap_or("none")), json!(hold));
    match rule["for"].as_str() {
        Some(hold) => {
            let range = parse_duration(hold).unwrap();
            let scaled = scaled(range).map(|hold| format!("{}s", hold.as_secs()));
            scaled.iter().map(String::as_str).chain(["0s"]).map(new).collect()
        }
        None if rule["alert"].is_string() => vec![new("1m")],
        None => Vec::new(),
    }
}
