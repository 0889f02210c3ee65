//! Where a click on a value leads.

use std::path::Path;

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::look::Link;
use super::workshop::Workshop;

impl Workshop<'_> {
    /// A link as Grafana has it, which leads somewhere.
    pub fn link(&self, link: &Link) -> Result<Value> {
        let targets = &self.shared.links;
        Ok(match link {
            Link::Dashboard { to, title } => {
                ensure!(self.names.contains(to.as_str()), "there is no dashboard {to}");
                json!({"title": title, "url": targets.to.replace("NAME", to)})
            }
            Link::Log { log } => outside("Logs", &targets.log.replace("FILTER", log)),
            Link::Page { page, title } => {
                ensure!(page.contains("${") || Path::new(page).is_file(), "there is no {page}");
                outside(title, &targets.page.replace("PAGE", page))
            }
            Link::Address { url, title } => outside(title, url),
        })
    }

    /// The link to what to do about an alert.
    pub fn runbook(&self, alert: &str) -> Result<Value> {
        let page = format!("docs/runbooks/{alert}.md");
        self.link(&Link::Page { page, title: format!("Runbook {alert}") })
    }
}

/// What is not a dashboard opens beside it.
fn outside(title: &str, url: &str) -> Value {
    json!({"title": title, "url": url, "targetBlank": true})
}
