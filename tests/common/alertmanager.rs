//! The real Alertmanager with the shipped configuration, whose endpoints alone lead to receivers of a test.

use std::fs;
use std::net::SocketAddr;

use super::daemon::{Daemon, copy_files, replace, shipped, until_ready};
use super::programs::{any_program, lasting_port};

/// Where notifications go.
#[derive(Clone, Copy, Debug)]
pub struct Endpoints {
    /// PagerDuty's `/v2/enqueue`, Slack's `/services/…` and the watchdog's `/neodyme`.
    pub http: SocketAddr,
    /// The mail server for digests.
    pub smtp_port: u16,
}

/// Keys that the receivers know.
pub const ROUTING_KEY: &str = "0123456789abcdef0123456789abcdef";
/// The path of Slack's webhook.
pub const SLACK_PATH: &str = "/services/T000/B000/hook";
/// The token of the dead man's switch.
pub const WATCHDOG_TOKEN: &str = "a-token-for-the-watchdog";

/// A running Alertmanager; it stops with the test.
pub struct Alertmanager {
    address: String,
    _daemon: Daemon,
}

impl Alertmanager {
    /// Starts it with `alertmanager.yml` as it is shipped; `changes` are replaced in it beside the endpoints.
    pub async fn start(endpoints: Endpoints, changes: &[(&str, &str)]) -> Alertmanager {
        let address = format!("127.0.0.1:{}", lasting_port());
        let daemon = Daemon::start(&any_program(&["alertmanager", "prometheus-alertmanager"]), |folder, command| {
            let secret = |name: &str, content: &str| {
                let path = folder.join(name);
                fs::write(&path, content).unwrap();
                path.display().to_string()
            };
            let http = endpoints.http;
            let mut config = shipped("alertmanager.yml");
            for (from, to) in [
                ("https://events.pagerduty.com/v2/enqueue", format!("http://{http}/v2/enqueue")),
                ("/run/secrets/neodyme_pagerduty_routing_key", secret("pagerduty", ROUTING_KEY)),
                ("/run/secrets/neodyme_slack_webhook_url", secret("slack", &format!("http://{http}{SLACK_PATH}"))),
                ("http://127.0.0.1:9095/neodyme", format!("http://{http}/neodyme")),
                ("/run/secrets/neodyme_watchdog_token", secret("watchdog", WATCHDOG_TOKEN)),
                ("localhost:25", format!("127.0.0.1:{}", endpoints.smtp_port)),
            ] {
                config = replace(&config, from, &to);
            }
            config = changes.iter().fold(config, |config, (from, to)| replace(&config, from, to));
            fs::write(folder.join("alertmanager.yml"), config).unwrap();
            copy_files("alertmanager", &folder.join("alertmanager"));
            command
                .args(["--config.file=alertmanager.yml", "--storage.path=data", "--cluster.listen-address="])
                .arg(format!("--web.listen-address={address}"))
                .arg(format!("--web.external-url=http://{address}"));
        });
        until_ready("Alertmanager", &format!("http://{address}")).await;
        Alertmanager { address, _daemon: daemon }
    }

    /// `127.0.0.1:…`
    pub fn address(&self) -> &str {
        &self.address
    }
}
