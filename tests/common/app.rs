//! The real binary with a clean environment, free ports and a folder of its own.

use std::path::Path;
use std::process::ExitStatus;
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, prlimit};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::database::Database;
use super::eventually;
use super::http::{self, Answer};
pub use super::options::AppOptions;
use super::process::Process;
pub use super::process::Reading;
use super::scrape::Scrape;

/// A running neodyme.
pub struct TestApp {
    /// Its database.
    pub database: Database,
    /// A client with connections of its own.
    pub client: reqwest::Client,
    options: AppOptions,
    folder: TempDir,
    process: Process,
    api: String,
    ops: String,
}

impl TestApp {
    /// Starts the binary and waits until it is ready.
    pub async fn spawn(options: AppOptions) -> TestApp {
        let mut app = TestApp::launch(options);
        app.wait_until_ready().await;
        app
    }

    /// Starts the binary, which may not become ready.
    pub fn launch(mut options: AppOptions) -> TestApp {
        let folder = tempfile::tempdir().unwrap();
        let database = options.database.take();
        let database = database.unwrap_or_else(|| Database::create(options.backend, folder.path()));
        options.database = Some(database.clone());
        let process = Process::start(options.command(folder.path()).arg("serve"));
        let (api, ops) = (String::new(), String::new());
        TestApp { database, client: http::client(), options, folder, process, api, ops }
    }

    /// Waits until the app serves, and learns its ports.
    pub async fn wait_until_ready(&mut self) {
        eventually("the app is ready", async || {
            let exit = self.process.child.try_wait().unwrap();
            assert!(exit.is_none(), "the app ended: {exit:?}");
            self.logs().iter().any(|line| line["message"] == "Ready").then_some(())
        })
        .await;
        self.api = self.listening("api");
        self.ops = self.listening("ops");
    }

    fn listening(&self, listener: &str) -> String {
        let logs = self.logs();
        let line = logs.iter().find(|line| line["message"] == "Listening" && line["context"]["listener"] == listener);
        let address = line.and_then(|line| line["context"]["address"].as_str());
        address.unwrap_or_else(|| panic!("no address of {listener}")).to_owned()
    }

    /// `http://127.0.0.1:…`, for the API.
    pub fn api_url(&self) -> String {
        format!("http://{}", self.api)
    }

    /// `http://127.0.0.1:…`, for operations.
    pub fn ops_url(&self) -> String {
        format!("http://{}", self.ops)
    }

    /// `127.0.0.1:…`, for the API.
    pub fn api_address(&self) -> &str {
        &self.api
    }

    /// `127.0.0.1:…`, for operations.
    pub fn ops_address(&self) -> &str {
        &self.ops
    }

    /// The folder that the app runs in.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The id of the process.
    pub fn pid(&self) -> u32 {
        self.process.child.id()
    }

    /// The memory that the process holds, in MiB.
    pub fn resident_mib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
    }

    /// A request to the API.
    pub fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        self.client.request(method, format!("{}{path}", self.api_url()))
    }

    /// GET from the API.
    pub async fn get(&self, path: &str) -> Answer {
        Answer::to(self.request("GET", path)).await.unwrap()
    }

    /// GET from the operations listener.
    pub async fn get_ops(&self, path: &str) -> Answer {
        Answer::to(self.client.get(format!("{}{path}", self.ops_url()))).await.unwrap()
    }

    /// POST of a form to a page, with these headers.
    pub async fn send_form(&self, path: &str, form: &[(&str, &str)], headers: &[(&str, &str)]) -> Answer {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = self.request("POST", path).body(body);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        Answer::to(request).await.unwrap()
    }

    /// POST of a JSON document to `/users/`.
    pub async fn post(&self, body: &Value) -> Answer {
        Answer::to(self.request("POST", "/users/").json(body)).await.unwrap()
    }

    /// Registers a user with this address.
    pub async fn register(&self, email: &str) -> Answer {
        self.post(&user(email)).await
    }

    /// The text exposition.
    pub async fn metrics_text(&self) -> String {
        self.get_ops("/metrics").await.text().to_owned()
    }

    /// The text exposition, parsed.
    pub async fn metrics(&self) -> Scrape {
        Scrape::parse(&self.metrics_text().await)
    }

    /// Everything written so far, stdout then stderr.
    pub fn output(&self) -> String {
        let (stdout, stderr) = (self.process.stdout.lines(), self.process.stderr.lines());
        [stdout, stderr].concat().join("\n")
    }

    /// The log lines so far. Fails when stdout holds anything but JSON objects.
    pub fn logs(&self) -> Vec<Value> {
        let lines = self.process.stdout.lines();
        lines.iter().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
    }

    /// Waits for a log line.
    pub async fn wait_for_log(&self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        eventually(what, async || self.logs().into_iter().find(|line| fits(line))).await
    }

    /// Waits for a request's line by its message.
    pub async fn wait_for_request_log(&self, message: &str, request_id: &str) -> Value {
        let fits = |line: &Value| line["message"] == message && line["request_id"] == request_id;
        self.wait_for_log(&format!("{message} of {request_id}"), fits).await
    }

    /// Says what becomes of the app's stdout after its next line.
    pub fn set_reading(&self, reading: Reading) {
        self.process.stdout.set_reading(reading);
    }

    /// Sends SIGTERM.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Sends any signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.process.child), signal).unwrap();
    }

    /// Whether the process is gone.
    pub fn has_ended(&mut self) -> bool {
        self.process.child.try_wait().unwrap().is_some()
    }

    /// Changes a limit of the running process, which it may raise again.
    pub fn limit(&self, resource: Resource, limit: Option<u64>) {
        let maximum = getrlimit(resource).maximum;
        let limit = Rlimit { current: limit.or(maximum), maximum };
        prlimit(Some(Pid::from_child(&self.process.child)), resource, limit).unwrap();
    }

    /// Waits for the end of the process and of its output.
    pub async fn wait_for_exit(&mut self) -> ExitStatus {
        let status = eventually("the app ends", async || self.process.child.try_wait().unwrap()).await;
        self.process.join_readers();
        status
    }

    /// SIGTERM, and the exit status.
    pub async fn stop(&mut self) -> ExitStatus {
        self.terminate();
        self.wait_for_exit().await
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts again on the same database and in the same folder, on new ports, with new logs.
    pub async fn restart(&mut self) {
        self.process.kill();
        self.process = Process::start(self.options.command(self.folder.path()).arg("serve"));
        self.wait_until_ready().await;
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        self.process.kill();
        if std::thread::panicking() {
            let output = self.output();
            let lines: Vec<&str> = output.lines().collect();
            eprintln!("The last lines of the app:\n{}", lines[lines.len().saturating_sub(40)..].join("\n"));
        }
    }
}

/// The body of a good registration.
pub fn user(email: &str) -> Value {
    json!({"email": email, "full_name": "Ada Lovelace", "password": "correct horse battery"})
}

/// An address that no other test uses.
pub fn fresh_email() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("user{}.{}@example.com", COUNT.fetch_add(1, Ordering::Relaxed), std::process::id())
}
