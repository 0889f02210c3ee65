//! A database with jobs in it, and the binary that looks at it.

use std::io::Write;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use crate::common::rows::Rows;
use neodyme::accounts::topics::{ANALYTICS_EVENT, WELCOME_EMAIL};
use neodyme::config::{Config, DatabaseUrl, Sources};
use neodyme::outbox::store::{self as outbox, Pick, Settlement};
use neodyme::outbox::{Job, JobState, NewJob, Payload, TopicName};
use neodyme::store::Db;
use serde_json::{Value, json};
use tempfile::TempDir;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::common;
use crate::common::app::AppOptions;
use crate::common::database::{Backend, Database};

pub struct Shop {
    pub folder: TempDir,
    pub database: Database,
    pub db: Db,
}

pub struct Answer {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl From<Output> for Answer {
    fn from(output: Output) -> Self {
        let [out, err] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        Answer { code: output.status.code().unwrap(), out, err }
    }
}

impl Answer {
    pub fn json(&self) -> Value {
        assert_eq!((self.code, self.err.as_str()), (0, ""));
        serde_json::from_str(&self.out).unwrap()
    }

    pub fn assert_said(&self, out: &str) {
        assert_eq!((self.code, self.out.as_str(), self.err.as_str()), (0, out, ""));
    }

    pub fn assert_refused(&self, code: i32, err: &str) {
        assert_eq!((self.code, self.out.as_str()), (code, ""), "{}", self.err);
        assert!(self.err.contains(err), "{err:?} is missing in {}", self.err);
    }
}

impl Shop {
    pub async fn open(backend: Backend) -> Shop {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::create(backend, folder.path());
        let mut config = Config::load(&Sources::default()).unwrap().database;
        config.url = DatabaseUrl::parse(&database.url()).unwrap();
        let db = Db::connect(&config).await.unwrap();
        db.migrate().await.unwrap();
        Shop { folder, database, db }
    }

    pub fn run(&self, arguments: &[&str]) -> Answer {
        AppOptions::on_database(self.database.clone()).run(arguments, self.folder.path()).into()
    }

    fn job(topic: TopicName, seconds: i64) -> NewJob {
        NewJob {
            id: Uuid::now_v7(),
            topic,
            payload: Payload::new(json!({"email": "ada@example.com", "full_name": "Ada Lovelace"})),
            user_id: Some(Uuid::now_v7()),
            request_id: format!("request-{seconds}"),
            traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned(),
            created_at: OffsetDateTime::now_utc() - time::Duration::seconds(seconds),
        }
    }

    /// Puts jobs in that are due for so many seconds.
    pub async fn enqueue(&self, topic: TopicName, seconds: &[i64]) -> Vec<NewJob> {
        let jobs: Vec<_> = seconds.iter().map(|seconds| Self::job(topic, *seconds)).collect();
        let rows = Rows { jobs: jobs.clone(), ..Rows::default() };
        rows.insert(&self.db).await.unwrap();
        jobs
    }

    /// Puts welcome emails in for these addresses, which are due since a minute and more, the first one for longest.
    pub async fn enqueue_to(&self, addresses: &[&str]) -> Vec<NewJob> {
        let seconds: Vec<_> = (60..).take(addresses.len()).collect();
        let due = seconds.into_iter().rev().zip(addresses);
        let mut jobs = Vec::new();
        for (seconds, address) in due {
            let mut job = Self::job(WELCOME_EMAIL, seconds);
            job.payload = Payload::new(json!({"email": address, "full_name": "Ada Lovelace"}));
            jobs.push(job);
        }
        Rows { jobs: jobs.clone(), ..Rows::default() }.insert(&self.db).await.unwrap();
        jobs
    }

    pub async fn claim(&self, topic: TopicName, limit: usize) -> Vec<Job> {
        let pick = Pick::Due { horizon: Duration::from_secs(3600) };
        outbox::claim(&self.db, topic, limit, Duration::from_secs(60), pick).await.unwrap()
    }

    pub async fn settle(&self, job: &Job, settlement: Settlement) {
        let settled = outbox::settle(&self.db, &[(job.id, job.lease_token, settlement)]).await.unwrap();
        assert_eq!(settled, 1);
    }

    /// Welcome emails, one in each state: delivered, dead, running, pending; and a pending event.
    pub async fn one_of_each(&self) -> [NewJob; 5] {
        let emails = self.enqueue(WELCOME_EMAIL, &[40, 30, 20, 10]).await;
        let event = self.enqueue(ANALYTICS_EVENT, &[50]).await.remove(0);
        let claimed = self.claim(WELCOME_EMAIL, 3).await;
        self.settle(&claimed[0], Settlement::Delivered).await;
        self.settle(&claimed[1], Settlement::Dead { error: "refused_5xx (550)".into() }).await;
        let [delivered, dead, running, pending] = emails.try_into().unwrap();
        [delivered, dead, running, pending, event]
    }

    pub async fn state(&self, id: Uuid) -> Option<JobState> {
        outbox::find(&self.db, id).await.unwrap().map(|job| job.state)
    }

    /// Runs the binary on a terminal of `script` (util-linux), which keeps the conversation.
    pub fn run_on_a_terminal(&self, arguments: &str, typed: &str) -> (i32, String) {
        let mut command = Command::new(common::programs::program("script"));
        command
            .args(["-qec", &format!("{} {arguments}", env!("CARGO_BIN_EXE_neodyme")), "/dev/null"])
            .env("NEODYME_DATABASE_URL", self.database.url())
            .current_dir(self.folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.as_mut().unwrap().write_all(typed.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
    }
}
