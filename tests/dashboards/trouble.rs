//! A service with a database, a mail server and an analytics service that fail on demand, under mixed traffic.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use diesel::SqliteConnection;
use diesel::connection::SimpleConnection;

use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::common::analytics::{AnalyticsService, Behaviour as Analytics};
use crate::common::app::{AppOptions, TestApp, fresh_email, user};
use crate::common::database::{Backend, Database, open_sqlite};
use crate::common::postgres::Cluster;
use crate::common::proxy::{Proxy, Way};
use crate::common::smtp::{Behaviour, SmtpSink, Verb};
use crate::common::users::PASSWORD;

/// The service and what it depends on.
pub struct Trouble {
    pub app: TestApp,
    database: Weakness,
    mail: SmtpSink,
    analytics: AnalyticsService,
    traffic: JoinHandle<()>,
}

/// How a database is made to fail.
enum Weakness {
    /// The way to a server, slowed and cut.
    Way(Proxy),
    /// A file, locked while somebody else writes to it.
    Lock(Mutex<Option<SqliteConnection>>),
}

impl Trouble {
    /// Starts all of it, healthy, with traffic.
    pub async fn brewing(backend: Backend) -> Trouble {
        let (options, database) = match backend {
            Backend::Sqlite => (AppOptions::on(backend), Weakness::Lock(Mutex::default())),
            Backend::Postgres => {
                let mut url = url::Url::parse(&Cluster::shared().create_database()).unwrap();
                let way = Proxy::to(&format!("127.0.0.1:{}", url.port().unwrap())).await;
                url.set_port(Some(way.address().port())).unwrap();
                (AppOptions::on_database(Database::Postgres(url.to_string())), Weakness::Way(way))
            }
        };
        let mail = SmtpSink::start(Behaviour::Normal).await;
        let analytics = AnalyticsService::start().await;
        let mut options = options
            .set("analytics_base_url", analytics.base_url())
            .webhook(1, &format!("{}/webhook", analytics.base_url()))
            .set("http_max_body_bytes", 1024)
            .set("code_emails_per_client", 0)
            .set("health_interval", "1s")
            .set("database_pool_size", 2)
            .set("database_query_timeout", "2s");
        for (key, value) in mail.settings() {
            options = options.set(key, value);
        }
        let app = TestApp::spawn(options).await;
        let traffic = tokio::spawn(traffic(app.client.clone(), app.api_url()));
        Trouble { app, database, mail, analytics, traffic }
    }

    /// A refresh token comes again long after it was used.
    pub async fn steal_token(&self) {
        let victim = self.app.signed_in().await;
        assert_eq!(self.app.refresh(&victim.refresh).await.status, 200);
        self.app.database.set_back("refresh_tokens", "rotated_at", 3600).await;
        self.app.refresh(&victim.refresh).await.assert_problem(403, "SECURITY_VIOLATION");
    }

    /// The services fail, and a server's answers are slow.
    pub fn begin(&self) {
        self.mail.behave(Behaviour::refuse(Verb::Rcpt, 451, "try again later"));
        self.analytics.behave(Analytics::Status(503, None));
        self.ease();
    }

    /// The database is gone, or takes no writes.
    pub fn worsen(&self) {
        match &self.database {
            Weakness::Way(way) => way.set(Way::Cut),
            Weakness::Lock(lock) => *lock.lock().unwrap() = Some(locked(&self.file())),
        }
    }

    /// The database is back; a server is still slow.
    pub fn ease(&self) {
        match &self.database {
            Weakness::Way(way) => way.set(Way::Slow(Duration::from_millis(150))),
            Weakness::Lock(lock) => *lock.lock().unwrap() = None,
        }
    }

    fn file(&self) -> PathBuf {
        match &self.app.database {
            Database::Sqlite(path) => path.clone(),
            Database::Postgres(_) => panic!("a server has no file"),
        }
    }
}

/// A connection that keeps others from writing until it is dropped.
fn locked(file: &Path) -> SqliteConnection {
    let mut connection = open_sqlite(file);
    connection.batch_execute("BEGIN IMMEDIATE").unwrap();
    connection
}

impl Drop for Trouble {
    fn drop(&mut self) {
        self.traffic.abort();
    }
}

/// A member signs in, changes the name and signs out; somebody tries passwords, and another one a token that is none.
async fn sign_ins(client: &reqwest::Client, api: &str) -> reqwest::Result<()> {
    const MEMBER: &str = "taken@example.com";
    let login = |email: &str, password: &str| {
        client.post(format!("{api}/auth/login")).json(&json!({"email": email, "password": password})).send()
    };
    login(&fresh_email(), "wrong horse battery").await?;
    login("tried@example.com", "wrong horse battery").await?;
    client.get(format!("{api}/auth/me")).bearer_auth("none").send().await?;
    let signed_in: Value = login(MEMBER, PASSWORD).await?.json().await?;
    let (Some(access), Some(id)) = (signed_in["access_token"].as_str(), signed_in["user"]["id"].as_str()) else {
        return Ok(());
    };
    codes(client, api).await?;
    let refresh = json!({"refresh_token": signed_in["refresh_token"]});
    client.post(format!("{api}/auth/refresh")).json(&refresh).send().await?;
    let name = json!({"full_name": fresh_email()});
    client.patch(format!("{api}/users/{id}")).bearer_auth(access).json(&name).send().await?;
    client.post(format!("{api}/auth/logout")).bearer_auth(access).send().await?;
    Ok(())
}

/// Somebody asks for a code for an address that is nobody's, and another one has a code that is none.
async fn codes(client: &reqwest::Client, api: &str) -> reqwest::Result<()> {
    client.post(format!("{api}/auth/reset-password/send")).json(&json!({"email": fresh_email()})).send().await?;
    client.post(format!("{api}/auth/verify-email")).json(&json!({"code": "none"})).send().await?;
    Ok(())
}

/// Users, and whatever else comes along, until it is aborted.
async fn traffic(client: reqwest::Client, api: String) {
    let users = format!("{api}/users/");
    loop {
        let bodies = [
            user(&fresh_email()),
            user(&fresh_email()),
            user("taken@example.com"),
            user("nobody"),
            json!({"email": "x".repeat(2000)}),
        ];
        let posts = bodies.iter().map(|body| client.post(&users).json(body).send());
        // One that gives up, and one that is lost.
        let hasty = client.post(&users).json(&user(&fresh_email())).timeout(Duration::from_millis(100)).send();
        let lost = client.get(format!("{api}/nowhere")).send();
        // What becomes of them is for the metrics to tell.
        let posts = futures_util::future::join_all(posts);
        let _ = futures_util::future::join4(posts, hasty, lost, sign_ins(&client, &api)).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
