//! The real Prometheus with the shipped configuration, pointed at an app under test.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use super::app::TestApp;
use super::programs::{free_port, program};
use super::{eventually, http};

/// A running Prometheus; it stops with the test.
pub struct Prometheus {
    child: Child,
    url: String,
    client: reqwest::Client,
    folder: TempDir,
}

impl Prometheus {
    /// Starts it with `prometheus.yml` as it is shipped, but for the port of the target and the pace.
    pub async fn scraping(app: &TestApp, extra: &[&str]) -> Prometheus {
        Prometheus::scraping_every("200ms", app, extra).await
    }

    /// The same at another pace, which is also the time that a scrape may take.
    pub async fn scraping_every(pace: &str, app: &TestApp, extra: &[&str]) -> Prometheus {
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR"));
        let folder = tempfile::tempdir().unwrap();
        let config = fs::read_to_string(shipped.join("prometheus.yml")).unwrap();
        let config = replace(&config, "127.0.0.1:9000", app.ops_address());
        let config = replace(&config, "scrape_interval: 15s", &format!("scrape_interval: {pace}"));
        let config = replace(&config, "evaluation_interval: 15s", &format!("evaluation_interval: {pace}"));
        fs::write(folder.path().join("prometheus.yml"), config).unwrap();
        copy_rules(&shipped.join("alert-rules"), &folder.path().join("alert-rules"));

        let address = format!("127.0.0.1:{}", free_port());
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let child = Command::new(program("prometheus"))
            .current_dir(folder.path())
            .args(["--config.file=prometheus.yml", "--storage.tsdb.path=data"])
            .arg(format!("--web.listen-address={address}"))
            .args(extra)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let prometheus = Prometheus { child, url: format!("http://{address}"), client: http::client(), folder };
        eventually("Prometheus is ready", async || prometheus.is_ready().await.then_some(())).await;
        prometheus
    }

    async fn is_ready(&self) -> bool {
        let answer = self.client.get(format!("{}/-/ready", self.url)).send().await;
        answer.is_ok_and(|answer| answer.status().is_success())
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

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("Prometheus said:\n{}", fs::read_to_string(self.folder.path().join("log")).unwrap_or_default());
        }
    }
}

/// Replaces what must be there exactly once, so that a changed file does not quietly test something else.
fn replace(text: &str, from: &str, to: &str) -> String {
    assert_eq!(text.matches(from).count(), 1, "`{from}` in prometheus.yml");
    text.replace(from, to)
}

fn copy_rules(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap).filter(|entry| entry.path().is_file()) {
        // Groups with an interval of their own, of minutes, keep up as well.
        let rules = fs::read_to_string(entry.path()).unwrap();
        let rules = rules
            .replace("    interval: 1m\n", "    interval: 1s\n")
            .replace("    interval: 5m\n", "    interval: 1s\n");
        fs::write(to.join(entry.file_name()), rules).unwrap();
    }
}
