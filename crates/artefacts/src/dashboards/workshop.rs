//! What it takes to make panels, and what is known of one.

use std::collections::BTreeSet;

use super::shared::{Kind, Shared};
use crate::alerts::Alerts;
use crate::promql::metrics;

/// What it takes to make panels.
pub struct Workshop<'a> {
    /// What all dashboards share.
    pub shared: &'a Shared,
    /// The alerts that panels name.
    pub alerts: &'a Alerts,
    /// The names of the dashboards, which links lead to.
    pub names: &'a BTreeSet<&'a str>,
}

/// What is known of a panel once it is read.
pub struct Facts<'a> {
    /// What all panels of its type are.
    pub kind: &'a Kind,
    /// The alerts that it names.
    pub alerts: Vec<&'a str>,
    /// Legend and expression of each query.
    pub queries: Vec<(String, String)>,
}

impl Facts<'_> {
    /// The metrics that the panel shows.
    pub fn shown(&self) -> Vec<&str> {
        self.queries.iter().flat_map(|(_, query)| metrics(query)).collect()
    }
}
