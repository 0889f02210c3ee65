//! A world of its own for each fault: two neodyme on one PostgreSQL, everything they talk to, and everybody who watches.

use std::fmt::Write;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use neodyme::config::Setting;
use tempfile::NamedTempFile;
use tokio_postgres::Client;

use crate::common::alertmanager::Alertmanager;
use crate::common::analytics::AnalyticsService;
use crate::common::app::{AppOptions, TestApp};
use crate::common::clock::FakeClock;
use crate::common::database::Database;
use crate::common::postgres::Cluster;
use crate::common::programs::lasting_port;
use crate::common::prometheus::Prometheus;
use crate::common::proxy::Proxy;
use crate::common::smtp::{Behaviour, SmtpSink};

use super::faults::Injection;
use super::receivers::Receivers;
use super::run::Pace;

/// What the operations listener wants to be shown.
pub const TOKEN: &str = "a-token-for-the-operations-listener";

/// The world. It ends with this.
pub struct World {
    pub instances: Vec<TestApp>,
    pub mail: SmtpSink,
    pub analytics: AnalyticsService,
    /// The endpoint of webhooks.
    pub webhooks: AnalyticsService,
    /// The way from neodyme to PostgreSQL.
    pub way: Proxy,
    /// PostgreSQL itself, past the way.
    pub database: Database,
    pub cluster: Cluster,
    pub prometheus: Arc<Prometheus>,
    pub receivers: Arc<Receivers>,
    /// The clock of the second instance, where it is asked for.
    pub clock: FakeClock,
    /// The token that Prometheus sends, where the instances want one.
    pub token: NamedTempFile,
    /// Sessions of others at the database.
    pub sessions: Vec<Client>,
    _alertmanager: Alertmanager,
}

impl World {
    /// A world that is whole, and can be broken in this way.
    pub async fn start(injection: Injection, pace: Pace) -> World {
        let cluster = tokio::task::block_in_place(Cluster::start);
        let url = tokio::task::block_in_place(|| cluster.create_database());
        let server = url.split(['@', '/']).find(|part| part.starts_with("127.0.0.1:")).unwrap();
        let way = Proxy::to(server).await;
        let through = Database::Postgres(url.replace(server, &way.address().to_string()));
        let mail = SmtpSink::start(Behaviour::Normal).await;
        let analytics = AnalyticsService::start().await;
        let webhooks = AnalyticsService::start().await;
        let clock = FakeClock::new();

        let mut instances = Vec::new();
        for number in 0..2 {
            let mut options = AppOptions::on_database(through.clone())
                .set("api_listen", format!("127.0.0.1:{}", lasting_port()))
                .set("ops_listen", format!("127.0.0.1:{}", lasting_port()))
                .set("analytics_base_url", analytics.base_url())
                .webhook(1, &webhooks.base_url())
                // Traffic comes through a load balancer, and a client may register as often as it is shipped.
                .set("trusted_proxies", "127.0.0.1")
                .set("registrations_per_client", setting("registrations_per_client").default);
            options = options.set_all(mail.settings());
            options = match injection {
                // A hash takes some 100 ms.
                Injection::HashFlood | Injection::OneDatabaseErrorThenFlood => options
                    .set("password_hash_workers", 1)
                    .set("password_argon2_memory_kib", 19456)
                    .set("password_argon2_iterations", 10),
                // The pipe and the queue fill within a minute.
                Injection::LogStalled => options.set("log_queue_capacity", 64),
                Injection::TokenChanged => options.set("ops_token", TOKEN),
                Injection::ClockShifted(_) if number == 1 => clock.give_to(options),
                _ => options,
            };
            instances.push(TestApp::spawn(options).await);
        }

        let receivers = Arc::new(Receivers::start().await);
        let alertmanager = Alertmanager::start(receivers.endpoints(), pace.alertmanager).await;
        let targets: Vec<&str> = instances.iter().map(TestApp::ops_address).collect();
        let token = NamedTempFile::new().unwrap();
        fs::write(token.path(), TOKEN).unwrap();
        let sent = (injection == Injection::TokenChanged).then_some(token.path());
        let history = history(&targets, pace.history);
        let prometheus = Prometheus::watching(&targets, alertmanager.address(), &history, sent).await;
        let prometheus = Arc::new(prometheus);
        World {
            instances,
            mail,
            analytics,
            webhooks,
            way,
            database: Database::Postgres(url),
            cluster,
            prometheus,
            receivers,
            clock,
            token,
            sessions: Vec::new(),
            _alertmanager: alertmanager,
        }
    }
}

fn setting(key: &str) -> &'static Setting {
    Setting::find(key).unwrap_or_else(|| panic!("there is no {key}"))
}

/// What the rules recorded while the service ran well: as many requests, registrations and mails as the steady traffic makes, as
/// many sign-ins, and none of them bad; and a wrong password, or a code that is asked for,
/// now and then. Processes started since, so their counters begin again.
fn history(targets: &[&str], past: Duration) -> String {
    let now = time::OffsetDateTime::now_utc().unix_timestamp();
    let mut history = String::new();
    let minutes = i64::try_from(past.as_secs() / 60).unwrap();
    for usual in [
        r#"job_of:neodyme_traffic:rate10m{job="neodyme",of="wrong_passwords"}"#,
        r#"job:neodyme_email_codes_asked:rate10m{job="neodyme"}"#,
    ] {
        for minute in (0..minutes).rev() {
            writeln!(history, "{usual} 0.001 {}", now - 60 - minute * 60).unwrap();
        }
    }
    for (metric, per_minute) in
        [("instance_slo:neodyme_bad_events:total", 0), ("instance_slo:neodyme_events:total", 27)]
    {
        for (target, slo) in targets.iter().flat_map(|target| SLOS.map(|slo| (target, slo))) {
            for minute in (0..minutes).rev() {
                let (value, at) = ((minutes - minute) * per_minute, now - 60 - minute * 60);
                writeln!(history, r#"{metric}{{job="neodyme",instance="{target}",slo="{slo}"}} {value} {at}"#).unwrap();
            }
        }
    }
    history
}

const SLOS: [&str; 5] =
    ["availability", "registration_latency", "welcome_email", "sign_in_availability", "sign_in_latency"];
