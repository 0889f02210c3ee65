//! Alerts as Prometheus sends them, the shipped Alertmanager, and whom it tells.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::common::alertmanager::Alertmanager;
use crate::common::http;
use crate::common::rules::Rule;

use super::receivers::{Notice, Receiver, Receivers};

pub type Labels = BTreeMap<String, String>;

/// An alert as Prometheus would send it for this job: the labels of its rule, and those that its subject says.
pub fn labels(rules: &[Rule], told: &str, severity: &str, job: &str) -> Labels {
    let (name, subject) = told.split_once(' ').unwrap_or((told, ""));
    let fits = |rule: &&Rule| rule.alert.as_deref() == Some(name) && rule.labels["severity"] == severity;
    let is_of_this_cause = |rule: &&Rule| fits(rule) && rule.labels.get("cause").is_some_and(|cause| cause == subject);
    let rule = rules.iter().find(is_of_this_cause).or_else(|| rules.iter().find(fits));
    let rule = rule.unwrap_or_else(|| panic!("no rule {name} of severity {severity}"));
    let mut labels: Labels = rule.labels.clone();
    labels.retain(|_, value| !value.contains("{{"));
    let mut set = |label: &str, value: &str| {
        labels.insert(label.to_owned(), value.to_owned());
    };
    set("alertname", name);
    set("job", job);
    match name {
        "NeodymeCriticalError" | "NeodymeErrorCauseChanged" | "NeodymeErrorUsersAffected" | "NeodymeErrorRateHigh" => {
            let (error_type, cause) = subject.split_once(' ').unwrap_or((subject, ""));
            set("error_type", error_type);
            set("component", &error_type.split('_').next().unwrap().to_lowercase());
            if !cause.is_empty() {
                set("cause", cause);
            }
        }
        "NeodymeDependencyDown" | "NeodymeExternalServiceFailing" => {
            set(if name.ends_with("Down") { "dependency" } else { "service" }, subject);
            set("component", subject);
        }
        "NeodymeErrorBudgetBurn" => {
            set("slo", subject);
            let component = match subject {
                "welcome_email" => "email",
                _ if subject.starts_with("sign_in") => "sign_in",
                _ => "registration",
            };
            set("component", component);
        }
        "NeodymeOutboxStuck" => {
            set("topic", subject);
            set("component", "email");
        }
        "NeodymeRegistrationsFailing" => set("cause", if subject.is_empty() { "other" } else { subject }),
        "NeodymeSignInsFailing" => set("cause", if subject.is_empty() { "error" } else { subject }),
        "NeodymeInstanceDown" | "NeodymeRestarting" | "NeodymeClockSkew" => set("instance", "a:9000"),
        _ => {}
    }
    labels
}

pub struct World {
    pub alertmanager: Alertmanager,
    pub receivers: Receivers,
    client: reqwest::Client,
}

impl World {
    pub async fn start(changes: &[(&str, &str)]) -> World {
        let receivers = Receivers::start().await;
        let alertmanager = Alertmanager::start(receivers.endpoints(), changes).await;
        World { alertmanager, receivers, client: http::client() }
    }

    /// These alerts fire.
    pub async fn post(&self, alerts: Vec<Labels>) {
        self.send(alerts, None).await;
    }

    /// These alerts are over.
    pub async fn end(&self, alerts: Vec<Labels>) {
        self.send(alerts, Some(OffsetDateTime::now_utc())).await;
    }

    async fn send(&self, alerts: Vec<Labels>, ended: Option<OffsetDateTime>) {
        let alerts: Vec<Value> = alerts
            .into_iter()
            .map(|labels| {
                let annotations = json!({
                    "summary": "Something is wrong.", "description": labels["alertname"], "affected": "Somebody.",
                    "runbook_url": format!("docs/runbooks/{}.md", labels["alertname"]), "dashboard_url": "d/neodyme-overview",
                });
                let mut alert = json!({ "labels": labels, "annotations": annotations });
                if let Some(ended) = ended {
                    alert["endsAt"] = json!(ended.format(&Rfc3339).unwrap());
                }
                alert
            })
            .collect();
        for some in alerts.chunks(500) {
            let request = self.client.post(format!("http://{}/api/v2/alerts", self.alertmanager.address())).json(some);
            assert_eq!(http::Answer::to(request).await.unwrap().status, 200);
        }
    }

    /// Every alert with those that mute it.
    pub async fn muted(&self) -> BTreeMap<Labels, Vec<Labels>> {
        let request = self.client.get(format!("http://{}/api/v2/alerts", self.alertmanager.address()));
        let alerts: Vec<Value> = serde_json::from_value(http::Answer::to(request).await.unwrap().json()).unwrap();
        let labels = |alert: &Value| serde_json::from_value::<Labels>(alert["labels"].clone()).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let by_name: BTreeMap<_, _> = alerts.iter().map(|alert| (text(&alert["fingerprint"]), labels(alert))).collect();
        let muters = |alert: &Value| {
            let names = alert["status"]["inhibitedBy"].as_array().unwrap().iter();
            names.map(|name| by_name[name.as_str().unwrap()].clone()).collect()
        };
        alerts.iter().map(|alert| (labels(alert), muters(alert))).collect()
    }

    pub fn pages(&self) -> Vec<Page> {
        self.receivers.notices().iter().filter(|notice| notice.receiver == Receiver::PagerDuty).map(Page::of).collect()
    }
}

/// Whom a page is about, and what it says.
pub struct Page {
    pub job: String,
    pub title: String,
    pub incident: String,
    /// Whether it takes the incident back.
    pub is_over: bool,
}

impl Page {
    pub fn of(notice: &Notice) -> Page {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let payload = &notice.payload["payload"];
        Page {
            job: text(&payload["group"]),
            title: text(&payload["summary"]),
            incident: notice.incident.clone(),
            is_over: notice.payload["event_action"] == "resolve",
        }
    }
}

/// As a title names it.
pub fn subject(labels: &Labels) -> String {
    let parts = ["alertname", "error_type", "dependency", "service", "topic", "slo", "cause", "instance"];
    let parts: Vec<&str> = parts.iter().filter_map(|part| labels.get(*part)).map(String::as_str).collect();
    parts.join(" ")
}
