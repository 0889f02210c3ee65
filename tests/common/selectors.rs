//! What a PromQL expression selects: metrics, and what is asked of their labels.

use std::convert::Infallible;

use promql_parser::parser::token::{T_LOR, TokenType};
use promql_parser::parser::{Expr, VectorSelector, parse};
use promql_parser::util::visitor::{ExprVisitor, ExprVisitorMut, walk_expr, walk_expr_mut};

struct Selectors(Vec<VectorSelector>);

impl ExprVisitor for Selectors {
    type Error = Infallible;

    fn pre_visit(&mut self, node: &Expr) -> Result<bool, Infallible> {
        match node {
            Expr::VectorSelector(selector) => self.0.push(selector.clone()),
            Expr::MatrixSelector(window) => self.0.push(window.vs.clone()),
            _ => {}
        }
        Ok(true)
    }
}

/// Leaves of `a > b`, `a and b` and `a unless b` the left side, where the result comes from.
struct Sources;

impl ExprVisitorMut for Sources {
    type Error = Infallible;

    fn pre_visit(&mut self, node: &mut Expr) -> Result<bool, Infallible> {
        let filters = |op: TokenType| op.is_comparison_operator() || op.is_set_operator() && op.id() != T_LOR;
        while let Expr::Binary(binary) = node
            && filters(binary.op)
        {
            *node = (*binary.lhs).clone();
        }
        Ok(true)
    }
}

/// Every selector of an expression.
pub fn selectors(expression: &str) -> Vec<VectorSelector> {
    of(&parsed(expression))
}

/// The selectors whose series can be in the result: not those that others are only compared or matched with.
pub fn sources(expression: &str) -> Vec<VectorSelector> {
    let mut expression = parsed(expression);
    let Ok(_) = walk_expr_mut(&mut Sources, &mut expression);
    of(&expression)
}

fn parsed(expression: &str) -> Expr {
    parse(expression).unwrap_or_else(|error| panic!("{expression}: {error}"))
}

fn of(expression: &Expr) -> Vec<VectorSelector> {
    let mut found = Selectors(Vec::new());
    let Ok(_) = walk_expr(&mut found, expression);
    found.0
}
