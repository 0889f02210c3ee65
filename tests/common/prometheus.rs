//! The real Prometheus with the shipped configuration, pointed at an app under test.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::app::TestApp;
use super::daemon::{Daemon, copy_files, replace, shipped, until_ready};
use super::programs::{lasting_port, program};
use super::{eventually, http};

/// A running Prometheus; it stops with the test.
pub struct Prometheus {
    url: String,
    client: reqwest::Client,
    _daemon: Daemon,
}

impl Prometheus {
    /// Starts it with `prometheus.yml` as it is shipped, but for the port of the target and the pace.
    pub async fn scraping(app: &TestApp, extra: &[&str]) -> Prometheus {
        Prometheus::scraping_every("200ms", app, "", extra).await
    }

    /// The same at another pace, which is also the time that a scrape may take. It remembers `history`, in the OpenMetrics text
    /// format.
    pub async fn scraping_every(pace: &str, app: &TestApp, history: &str, extra: &[&str]) -> Prometheus {
        let config = replace(&shipped("prometheus.yml"), "127.0.0.1:9000", app.ops_address());
        let shipped = "scrape_interval: 5s\n  scrape_timeout: 4s\n  evaluation_interval: 5s";
        let hurried = format!("scrape_interval: {pace}\n  scrape_timeout: {pace}\n  evaluation_interval: {pace}");
        let config = replace(&config, shipped, &hurried);
        let prepare = |folder: &Path| {
            hurry(&folder.join("alert-rules"));
            remember(history, folder);
        };
        Prometheus::start(&config, extra, prepare).await
    }

    /// Starts it with `prometheus.yml` as it is shipped, pace and all, but for the targets and Alertmanager's address. It
    /// remembers `history`, in the OpenMetrics text format.
    ///
    /// A token that it shall send is in a file.
    pub async fn watching(targets: &[&str], alertmanager: &str, history: &str, token: Option<&Path>) -> Prometheus {
        let config = replace(&shipped("prometheus.yml"), "127.0.0.1:9000", &targets.join(r#"", ""#));
        let config = replace(&config, "127.0.0.1:9093", alertmanager);
        let config = token.map_or(config.clone(), |token| with_token(&config, token));
        let prometheus = Prometheus::start(&config, &[], |folder| remember(history, folder)).await;
        // What it would tell before it knows whom, it tells a minute later.
        eventually("Prometheus knows Alertmanager", async || {
            let known = prometheus.get("alertmanagers", &[]).await;
            known["activeAlertmanagers"].as_array().is_some_and(|known| !known.is_empty()).then_some(())
        })
        .await;
        prometheus
    }

    /// `prepare` changes the folder that it finds its rules and its past in.
    async fn start(config: &str, extra: &[&str], prepare: impl FnOnce(&Path)) -> Prometheus {
        let address = format!("127.0.0.1:{}", lasting_port());
        let daemon = Daemon::start(&program("prometheus"), |folder, command| {
            fs::write(folder.join("prometheus.yml"), config).unwrap();
            copy_files("alert-rules", &folder.join("alert-rules"));
            prepare(folder);
            command
                .args(["--config.file=prometheus.yml", "--storage.tsdb.path=data", "--rules.alert.resend-delay=15s"])
                .arg(format!("--web.listen-address={address}"))
                .args(extra);
        });
        let url = format!("http://{address}");
        until_ready("Prometheus", &url).await;
        Prometheus { url, client: http::client(), _daemon: daemon }
    }

    /// `127.0.0.1:…`
    pub fn address(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    /// An answer of its API: `get("query", &[("query", "up")])`.
    pub async fn get(&self, endpoint: &str, parameters: &[(&str, &str)]) -> Value {
        let mut url = url::Url::parse(&format!("{}/api/v1/{endpoint}", self.url)).unwrap();
        url.query_pairs_mut().extend_pairs(parameters);
        let answer = http::Answer::to(self.client.get(url)).await.unwrap().json();
        assert_eq!(answer["status"], "success", "{answer}");
        answer["data"].clone()
    }

    /// The value of an instant query that gives one series or none.
    pub async fn query(&self, expression: &str) -> Option<f64> {
        let data = self.get("query", &[("query", expression)]).await;
        let results = data["result"].as_array().unwrap();
        assert!(results.len() < 2, "{expression} has {} series", results.len());
        results.first().map(|series| series["value"][1].as_str().unwrap().parse().unwrap())
    }

    /// Waits until a query gives a value.
    pub async fn wait_for(&self, expression: &str, value: f64) {
        let mut last = None;
        eventually(&format!("{expression} is {value}"), async || {
            last = self.query(expression).await;
            (last == Some(value)).then_some(())
        })
        .await;
    }
}

/// What `prometheus.yml` says in a comment, with this file.
fn with_token(config: &str, token: &Path) -> String {
    let config = replace(
        config,
        "    # authorization:\n    #   credentials_file:",
        "    authorization:\n      credentials_file:",
    );
    replace(&config, "/etc/prometheus/neodyme-ops-token", &token.display().to_string())
}

/// Fails unless each of these queries is PromQL.
pub fn assert_promql(queries: impl IntoIterator<Item = String>) {
    let mut rules = String::from("groups:\n  - name: queries\n    rules:\n");
    for (number, query) in queries.into_iter().enumerate() {
        // JSON is YAML too.
        let rule = json!({"record": "q", "labels": {"of": number.to_string()}, "expr": query});
        rules += &format!("      - {rule}\n");
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), rules).unwrap();
    let said = Command::new(program("promtool")).args(["check", "rules"]).arg(file.path()).output().unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&[said.stdout, said.stderr].concat()));
}

/// Groups with an interval of their own keep up as well.
fn hurry(rules: &Path) {
    for file in fs::read_dir(rules).unwrap().map(|entry| entry.unwrap().path()) {
        let rules = fs::read_to_string(&file).unwrap();
        let rules = ["5s", "1m", "5m"]
            .iter()
            .fold(rules, |rules, interval| rules.replace(&format!("    interval: {interval}\n"), "    interval: 1s\n"));
        fs::write(file, rules).unwrap();
    }
}

fn remember(history: &str, folder: &Path) {
    if history.is_empty() {
        return;
    }
    let file = folder.join("history");
    fs::write(&file, format!("{history}# EOF\n")).unwrap();
    let made = Command::new(program("promtool"))
        .args(["tsdb", "create-blocks-from", "openmetrics", "--quiet"])
        .args([&file, &folder.join("data")])
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}
