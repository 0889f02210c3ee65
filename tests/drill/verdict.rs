//! What was told, held against what should have been.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::faults::Fault;
use super::receivers::{Notice, Receiver};

/// What PagerDuty makes of events with one key, from the first trigger to the resolve.
#[derive(Clone, Debug)]
pub struct Incident {
    pub key: String,
    pub opened: Instant,
    pub resolved: Option<Instant>,
    /// Every alert that was in it, with the first moment it was told.
    pub alerts: BTreeMap<String, Instant>,
    /// When it was told, again and again.
    pub told: Vec<Instant>,
}

/// All incidents. One that is triggered again after its resolve is another one: somebody is woken again.
pub fn incidents(notices: &[Notice]) -> Vec<Incident> {
    let mut incidents: Vec<Incident> = Vec::new();
    for notice in notices.iter().filter(|notice| notice.receiver == Receiver::PagerDuty) {
        let open = incidents.iter_mut().find(|open| open.key == notice.incident && open.resolved.is_none());
        if notice.payload["event_action"] == "resolve" {
            open.into_iter().for_each(|open| open.resolved = Some(notice.at));
            continue;
        }
        let incident = match open {
            Some(incident) => incident,
            None => {
                let (key, opened, alerts, told) = (notice.incident.clone(), notice.at, BTreeMap::new(), Vec::new());
                incidents.push(Incident { key, opened, resolved: None, alerts, told });
                incidents.last_mut().unwrap()
            }
        };
        incident.told.push(notice.at);
        for (alert, _) in notice.alerts.iter().filter(|(_, fires)| *fires) {
            incident.alerts.entry(alert.clone()).or_insert(notice.at);
        }
    }
    incidents
}

/// A warning, from its first message to the one that takes it back.
#[derive(Clone, Debug)]
pub struct Warning {
    pub alert: String,
    pub told: Instant,
    pub resolved: Option<Instant>,
}

/// All warnings, each alert once for as long as it is not taken back.
pub fn warnings(notices: &[Notice]) -> Vec<Warning> {
    let mut warnings: Vec<Warning> = Vec::new();
    for notice in notices.iter().filter(|notice| notice.receiver == Receiver::Slack) {
        for (alert, fires) in &notice.alerts {
            let open = warnings.iter_mut().find(|open| open.alert == *alert && open.resolved.is_none());
            match (open, fires) {
                (Some(open), false) => open.resolved = Some(notice.at),
                (None, true) => warnings.push(Warning { alert: alert.clone(), told: notice.at, resolved: None }),
                _ => {}
            }
        }
    }
    warnings
}

/// Whether a notification that names this alert is the expected one.
pub fn fits(expected: &str, told: &str) -> bool {
    let begins_with = |long: &str, short: &str| long == short || long.starts_with(&format!("{short} "));
    begins_with(told, expected) || begins_with(expected, told)
}

fn any_fits(expected: &[&str], told: &str) -> bool {
    expected.iter().any(|expected| fits(expected, told))
}

/// Everything that was told of a fault, in the light of what was expected.
pub struct Told {
    pub incidents: Vec<Incident>,
    pub warnings: Vec<Warning>,
}

impl Told {
    pub fn of(notices: &[Notice]) -> Told {
        Told { incidents: incidents(notices), warnings: warnings(notices) }
    }

    /// For each expected incident the first one that fits.
    fn expected_incidents(&self, fault: &Fault) -> Vec<Option<&Incident>> {
        let found =
            |alerts: &[&str]| self.incidents.iter().find(|i| i.alerts.keys().any(|told| any_fits(alerts, told)));
        fault.pages.iter().map(|alerts| found(alerts)).collect()
    }

    /// What was expected and was not told.
    pub fn missing(&self, fault: &Fault) -> Vec<String> {
        let pages = self.expected_incidents(fault);
        let pages = fault.pages.iter().zip(pages).filter(|(_, found)| found.is_none());
        let is_told = |expected: &str| self.warnings.iter().any(|warning| fits(expected, &warning.alert));
        let warnings = fault.warnings.iter().filter(|expected| !is_told(expected)).map(ToString::to_string);
        pages.map(|(alerts, _)| alerts.join(" or ")).chain(warnings).collect()
    }

    /// Incidents that nobody expected: a wrong alert, a second incident of the right one, or one before the fault.
    pub fn false_pages(&self, fault: &Fault, injected: Instant) -> Vec<String> {
        let expected = self.expected_incidents(fault);
        let is_expected = |incident: &Incident| {
            expected.iter().flatten().any(|known| known.key == incident.key && known.opened == incident.opened)
        };
        let wrong = self.incidents.iter().filter(|i| !is_expected(i) || i.opened < injected);
        let names = |incident: &Incident| incident.alerts.keys().cloned().collect::<Vec<_>>().join(", ");
        // An alert in the right incident that has no business there.
        let strangers = expected.iter().zip(fault.pages).filter_map(|(incident, alerts)| Some(((*incident)?, alerts)));
        let strangers = strangers.flat_map(|(i, alerts)| i.alerts.keys().filter(|told| !any_fits(alerts, told)));
        wrong.map(names).chain(strangers.cloned()).collect()
    }

    /// Warnings that nobody expected.
    pub fn false_warnings(&self, fault: &Fault, injected: Instant) -> Vec<String> {
        let is_expected = |w: &Warning| any_fits(fault.warnings, &w.alert) || any_fits(fault.may, &w.alert);
        let wrong = self.warnings.iter().filter(|w| !is_expected(w) || w.told < injected);
        wrong.map(|warning| warning.alert.clone()).collect()
    }

    /// When the last of what was expected was taken back; nothing while some of it is open.
    pub fn resolved(&self, fault: &Fault) -> Option<Instant> {
        let incidents = self.incidents.iter().map(|incident| incident.resolved);
        let warnings = self.warnings.iter().filter(|warning| any_fits(fault.warnings, &warning.alert));
        let ends: Option<Vec<Instant>> = incidents.chain(warnings.map(|warning| warning.resolved)).collect();
        ends?.into_iter().max()
    }

    /// Every alert with who got it and how long after the fault.
    pub fn received(&self, injected: Instant) -> Vec<(String, &'static str, Duration)> {
        let pages = self.incidents.iter().flat_map(|i| i.alerts.iter().map(|(alert, at)| (alert, "PagerDuty", *at)));
        let warnings = self.warnings.iter().map(|warning| (&warning.alert, "Slack", warning.told));
        let mut received: Vec<_> = pages
            .chain(warnings)
            .map(|(alert, receiver, at)| (alert.clone(), receiver, at.saturating_duration_since(injected)))
            .collect();
        // An alert that is not the first of its incident stands there without its subject.
        let whole: Vec<String> = received.iter().map(|(alert, _, _)| alert.clone()).collect();
        received.retain(|(alert, _, _)| !whole.iter().any(|other| other.starts_with(&format!("{alert} "))));
        received.sort_by_key(|(_, _, after)| *after);
        received
    }
}
