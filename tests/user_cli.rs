//! `neodyme user`: the real binary, its output and its exit codes, on both databases.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::fs;
use std::io::Write;
use std::process::{Command, Output, Stdio};

use common::app::{AppOptions, TestApp};
use common::database::{Backend, Database};
use common::programs::program;
use common::users::PASSWORD;
use serde_json::{Value, json};
use tempfile::TempDir;

on_both_databases!(
    the_first_admin_is_made_and_signs_in,
    a_password_comes_from_a_terminal_a_pipe_or_a_file,
    users_are_listed_a_page_at_a_time,
    people_are_shown_when_they_are_asked_for,
    a_user_is_changed_by_address_or_id,
    nobody_is_erased_unasked,
    who_is_erased_while_the_service_runs_is_gone,
    an_export_is_json,
    the_last_admin_stays_unless_it_is_forced,
    what_cannot_be_done_is_said,
);

struct Office {
    folder: TempDir,
    database: Database,
}

struct Answer {
    code: i32,
    out: String,
    err: String,
}

impl From<Output> for Answer {
    fn from(output: Output) -> Self {
        let [out, err] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        Answer { code: output.status.code().unwrap(), out, err }
    }
}

impl Answer {
    fn json(&self) -> Value {
        assert_eq!((self.code, self.err.as_str()), (0, ""));
        serde_json::from_str(&self.out).unwrap()
    }

    fn assert_said(&self, out: &str) {
        assert_eq!((self.code, self.out.as_str(), self.err.as_str()), (0, out, ""));
    }

    fn assert_refused(&self, code: i32, err: &str) {
        assert_eq!((self.code, self.out.as_str()), (code, ""), "{}", self.err);
        assert!(self.err.contains(err), "{err:?} is missing in {}", self.err);
    }
}

impl Office {
    fn open(backend: Backend) -> Office {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::create(backend, folder.path());
        let office = Office { folder, database };
        assert_eq!(office.run("migrate").code, 0);
        office
    }

    fn options(&self) -> AppOptions {
        AppOptions::on_database(self.database.clone())
    }

    fn run(&self, arguments: &str) -> Answer {
        let arguments: Vec<_> = arguments.split(' ').collect();
        self.options().run(&arguments, self.folder.path()).into()
    }

    /// Makes a user of this address, and gives its id.
    fn create(&self, address: &str, more: &str) -> String {
        fs::write(self.folder.path().join("password"), PASSWORD).unwrap();
        let made = self
            .run(format!("user create --email {address} --name Ada --password-file password --json {more}").trim_end());
        made.json()["id"].as_str().unwrap().to_owned()
    }

    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .env("NEODYME_DATABASE_URL", self.database.url())
            .env("NEODYME_PASSWORD_ARGON2_MEMORY_KIB", "8")
            .current_dir(self.folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs the binary with something on its standard input.
    fn run_with(&self, arguments: &str, input: &str) -> Answer {
        let mut command = self.command(env!("CARGO_BIN_EXE_neodyme"));
        finish(command.args(arguments.split(' ')), input)
    }

    /// Runs the binary on a terminal of `script` (util-linux), which keeps the conversation.
    fn run_on_a_terminal(&self, arguments: &str, typed: &str) -> Answer {
        let mut command = self.command(program("script"));
        let line = format!("{} {arguments}", env!("CARGO_BIN_EXE_neodyme"));
        finish(command.args(["-qec", &line, "/dev/null"]), typed)
    }
}

fn finish(command: &mut Command, input: &str) -> Answer {
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap().into()
}

async fn the_first_admin_is_made_and_signs_in(backend: Backend) {
    let office = Office::open(backend);
    let id = office.create("Ada@example.com", "--admin");
    let app = TestApp::spawn(office.options()).await;
    let admin = app.sign_in("ada@example.com").await;
    assert_eq!(admin.id, id);
    let me = app.call("GET", "/auth/me", &admin.access).await.json();
    assert_eq!((&me["role"], &me["email"]), (&json!("admin"), &json!("Ada@example.com")));
    assert_eq!(app.call("GET", "/audit", &admin.access).await.status, 200);
    assert_eq!(app.audited().await[0], "user.created by operator");
    assert_eq!(office.database.count("outbox_jobs").await, 0, "nobody is welcomed");
}

async fn a_password_comes_from_a_terminal_a_pipe_or_a_file(backend: Backend) {
    let office = Office::open(backend);
    let create = |address: &str| format!("user create --email {address} --name Ada");
    let asked = office.run_on_a_terminal(&create("a@example.com"), "correct horse battery\ncorrect horse battery\n");
    assert_eq!(asked.code, 0, "{}", asked.out);
    let before_it_was_hidden = asked.out.split("Password: ").next().unwrap().matches("correct horse").count();
    assert_eq!(asked.out.matches("correct horse").count(), before_it_was_hidden, "{}", asked.out);
    let two = office.run_on_a_terminal(&create("b@example.com"), "correct horse battery\nanother horse battery\n");
    assert!(two.code == 1 && two.out.contains("neodyme: these were two passwords"), "{}", two.out);
    assert_eq!(office.run_with(&create("c@example.com"), "correct horse battery\r\nmore\n").code, 0);
    office.create("d@example.com", "");
    office
        .run_with(&create("e@example.com"), "short\n")
        .assert_refused(1, "the password must have at least 15 characters");
    office.run_with(&create("e@example.com"), "").assert_refused(1, "the password must have at least 15 characters");
    office
        .run(&format!("{} --password-file nowhere", create("e@example.com")))
        .assert_refused(1, "cannot read nowhere");
    assert_eq!(office.database.emails().await, ["a", "c", "d"].map(|name| format!("{name}@example.com")));
    let app = TestApp::spawn(office.options()).await;
    for name in ["a", "c", "d"] {
        app.sign_in(&format!("{name}@example.com")).await;
    }
}

async fn users_are_listed_a_page_at_a_time(backend: Backend) {
    let office = Office::open(backend);
    office.run("user list").assert_said("no users\n");
    office.run("user list --json").assert_said("[]\n");
    let ids: Vec<_> = (0..3).map(|number| office.create(&format!("u{number}@example.com"), "")).collect();
    let admin = office.create("root@example.com", "--role admin");
    let listed = |arguments: &str| -> Vec<String> {
        let users = office.run(&format!("user list --json{arguments}")).json();
        users.as_array().unwrap().iter().map(|user| user["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(listed("").len(), 4);
    assert_eq!(listed(" --role admin"), [admin.as_str()]);
    assert_eq!(listed(" --email-prefix U1"), [ids[1].as_str()]);
    assert_eq!(listed(&format!(" --after {}", ids[2])), [admin.as_str()]);
    assert_eq!(listed(" --after U2@example.com"), [admin.as_str()]);
    office.run("user list --after nobody@example.com").assert_refused(1, "there is no user with this address");
    assert_eq!(listed(&format!(" --order desc --after {}", ids[1])), [ids[0].as_str()]);
    assert_eq!(listed(" --skip 3"), [admin.as_str()]);
    assert_eq!((listed(" --since 1h").len(), listed(" --until 1h").len()), (4, 0));
    office.run(&format!("user deactivate {}", ids[0]));
    assert_eq!(listed(" --state inactive"), [ids[0].as_str()]);

    let first = office.run("user list --limit 2");
    assert_eq!((first.code, first.out.lines().count()), (0, 3));
    assert_eq!(first.err, format!("neodyme: there are more: --after {} goes on\n", ids[1]));
    assert!(first.out.starts_with("id                                    email             full_name  role  state "));
    office.run("user list --skip 10001").assert_refused(2, "10001 is not in 0..=10000");
    office.run("user list --role boss").assert_refused(2, "[possible values: user, support, admin]");
    office.run("user list --since yesterday").assert_refused(2, "accepted: 2026-11-22T08:00:00Z");
}

async fn people_are_shown_when_they_are_asked_for(backend: Backend) {
    let office = Office::open(backend);
    office.create("ada@example.com", "");
    for command in ["user list", "user list --json", "user show ada@example.com", "user show ada@example.com --json"] {
        let [masked, full] = ["", " --full"].map(|flag| office.run(&format!("{command}{flag}")).out);
        assert!(masked.contains("a***@example.com") && !masked.contains("ada@"), "{masked}");
        assert!(full.contains("ada@example.com"), "{full}");
    }
    let shown = office.run("user show ada@example.com").out;
    assert!(shown.contains("\nrole               user\nstate              active\n"), "{shown}");
    assert!(shown.contains("\nlocale             -\n"), "{shown}");
    assert!(shown.ends_with("\n\nno sessions\n"), "{shown}");
    assert!(shown.contains("\nwrong_passwords    none\n"), "{shown}");
    let app = TestApp::spawn(office.options().set("login_free_failures", 1).set("login_max_failures", 2)).await;
    app.sign_in("ada@example.com").await;
    app.login("ada@example.com", "wrong horse battery").await.assert_problem(401, "INVALID_CREDENTIALS");
    let shown = office.run("user show ada@example.com").out;
    assert!(shown.contains("\nwrong_passwords    1 in a row, the last at 20"), "{shown}");
    assert!(shown.contains("Z: the next may be tried now\n"), "the command has limits of its own: {shown}");
    let limits = "--login-free-failures 1 --login-max-failures 1";
    let shown = office.run(&format!("user show ada@example.com {limits}")).out;
    assert!(shown.contains("Z: none is tried any more, until `user activate` or a password"), "{shown}");
    let shown = office.run(&format!("user show ada@example.com --json {limits}")).json();
    assert_eq!(
        (&shown["wrong_passwords"]["in_a_row"], &shown["wrong_passwords"]["is_locked"]),
        (&json!(1), &json!(true))
    );
    let shown = office.run("user show ada@example.com").out;
    assert!(shown.contains("\nsession  ") && shown.contains("  127.0.0.1  "), "{shown}");
    assert_eq!(office.run("user show ada@example.com --json").json()["sessions"][0]["client_ip"], "127.0.0.1");
}

async fn a_user_is_changed_by_address_or_id(backend: Backend) {
    let office = Office::open(backend);
    let id = office.create("ada@example.com", "");
    let app = TestApp::spawn(office.options()).await;
    let ada = app.sign_in("ada@example.com").await;
    office.run("user grant ADA@example.com support").assert_said(&format!("user {id} has the role support now\n"));
    office.run(&format!("user grant {id} support")).assert_said(&format!("user {id} has the role support already\n"));
    assert_eq!(app.call("GET", "/users/", &ada.access).await.status, 200, "what is granted holds at once");
    app.login("ada@example.com", "wrong horse battery").await.assert_problem(401, "INVALID_CREDENTIALS");
    let unlocked = format!("user {id} is active already; wrong passwords are forgotten\n");
    office.run(&format!("user activate {id}")).assert_said(&unlocked);
    office.run(&format!("user activate {id}")).assert_said(&format!("user {id} is active already\n"));
    office.run(&format!("user grant {id} user"));
    assert_eq!(app.call("GET", "/users/", &ada.access).await.status, 403, "what is taken away as well");

    let off = office.run(&format!("user deactivate {id}"));
    off.assert_said(&format!("user {id} is switched off now; sessions ended: 1\n"));
    assert_eq!(app.call("GET", "/auth/me", &ada.access).await.status, 401);
    assert_eq!(app.refresh(&ada.refresh).await.status, 401);
    assert_eq!(app.login("ada@example.com", PASSWORD).await.status, 403);
    let on = office.run(&format!("user activate {id} --json")).json();
    assert_eq!(
        (&on["changed"], &on["user"]["is_active"], &on["sessions_ended"]),
        (&json!(true), &json!(true), &json!(0))
    );
    let again = app.sign_in("ada@example.com").await;
    office
        .run(&format!("user revoke-sessions {id}"))
        .assert_said(&format!("user {id} is signed out; sessions ended: 1\n"));
    assert_eq!(app.refresh(&again.refresh).await.status, 401);
    assert_eq!(
        office.run(&format!("user revoke-sessions {id} --json")).json(),
        json!({ "user_id": id, "sessions_ended": 0 })
    );
}

async fn nobody_is_erased_unasked(backend: Backend) {
    let office = Office::open(backend);
    let id = office.create("ada@example.com", "");
    let refusal = "standard input is no terminal, so nobody can be asked; --yes deletes without asking";
    office.run("user delete ada@example.com").assert_refused(1, refusal);
    let no = office.run_on_a_terminal("user delete ada@example.com", "no\n");
    assert!(no.code == 1 && no.out.contains("neodyme: nobody was erased"), "{}", no.out);
    assert!(no.out.contains(&format!("{id}  a***@example.com")), "{}", no.out);
    assert_eq!(office.database.count("users").await, 1);
    let yes = office.run_on_a_terminal("user delete ada@example.com", "yes\n");
    assert!(yes.code == 0 && yes.out.contains(&format!("user {id} is erased")), "{}", yes.out);
    assert_eq!(office.database.count("users").await, 0);
}

async fn who_is_erased_while_the_service_runs_is_gone(backend: Backend) {
    let office = Office::open(backend);
    let app = TestApp::spawn(office.options()).await;
    for number in 0..20 {
        assert_eq!(app.register(&format!("unmistakable{number}@example.com")).await.status, 201);
    }
    let ada = app.sign_in("unmistakable7@example.com").await;
    let erased = office.run("user delete unmistakable7@example.com --yes --json").json();
    assert_eq!((&erased["erased"], &erased["sessions_ended"]), (&json!(ada.id), &json!(1)));
    assert_eq!(app.call("GET", "/auth/me", &ada.access).await.status, 401);
    office.run("user show unmistakable7@example.com").assert_refused(1, "there is no user with this address");
    office.run(&format!("user show {}", ada.id)).assert_refused(1, &format!("there is no user {}", ada.id));
    assert_eq!(office.database.count("users").await, 19);
    let trail = office.run(&format!("audit list --user {} --json", ada.id)).json();
    assert_eq!((&trail[0]["action"], &trail[0]["actor"]), (&json!("user.erased"), &json!("operator")));
    assert!(trail.as_array().unwrap().iter().all(|entry| entry["client_ip"].is_null()), "{trail}");
    if backend == Backend::Sqlite {
        for file in fs::read_dir(office.folder.path().join("data")).unwrap() {
            let (path, text) = (file.unwrap().path(), b"unmistakable7@");
            if path.is_dir() {
                continue;
            }
            let holds = fs::read(&path).unwrap().windows(text.len()).any(|window| window == text);
            assert!(!holds, "{}", path.display());
        }
    }
}

async fn an_export_is_json(backend: Backend) {
    let office = Office::open(backend);
    let id = office.create("ada@example.com", "");
    let exported = office.run("user export ada@example.com").json();
    assert_eq!((&exported["user"]["id"], &exported["user"]["email"]), (&json!(id), &json!("ada@example.com")));
    assert_eq!(exported["audit_log"][0]["action"], "user.created");
    let trail = office.run(&format!("audit list --user {id} --actor operator --json")).json();
    assert_eq!(trail[0]["action"], "user.exported");
    assert_eq!(office.run("audit list --user ADA@example.com --json").json(), trail, "by address as well");
    assert_eq!(office.run("audit list --actor ada@example.com").out, "no entries\n");
    office.run("audit list --user bob@example.com").assert_refused(1, "there is no user with this address");
    office.run("user grant ada@example.com support");
    let table = office.run("audit list --action user.role_changed").out;
    assert!(table.lines().nth(1).unwrap().ends_with("  from=user to=support"), "{table}");
}

async fn the_last_admin_stays_unless_it_is_forced(backend: Backend) {
    let office = Office::open(backend);
    let id = office.create("root@example.com", "--admin");
    let bob = office.create("bob@example.com", "--admin");
    office.run("user grant bob@example.com user").assert_said(&format!("user {bob} has the role user now\n"));
    let refusal =
        "this is the only admin who may use the service: make another one first; --force does it all the same";
    for command in ["deactivate root@example.com", "grant root@example.com support", "delete root@example.com --yes"] {
        office.run(&format!("user {command}")).assert_refused(1, refusal);
    }
    office.run(&format!("user grant {id} admin")).assert_said(&format!("user {id} has the role admin already\n"));
    let off = office.run(&format!("user deactivate {id} --force"));
    off.assert_said(&format!("user {id} is switched off now\n"));
    assert_eq!(office.run(&format!("user delete {id} --yes")).code, 0, "nobody is lost with one who is off");
}

async fn what_cannot_be_done_is_said(backend: Backend) {
    let office = Office::open(backend);
    office.create("ada@example.com", "");
    fs::write(office.folder.path().join("password"), PASSWORD).unwrap();
    office
        .run("user create --email ADA@example.com --name Ada --password-file password")
        .assert_refused(1, "this email address is registered already");
    office.run("user create --email ada --name Ada").assert_refused(2, "it must be an email address");
    office.run("user create --email b@example.com").assert_refused(2, "--name <NAME>");
    office.run("user grant ada@example.com").assert_refused(2, "<ROLE>");
    office.run("user show ada").assert_refused(2, "accepted: an id or an address");
    office.run("user").assert_refused(2, "Usage: neodyme user");
    for command in ["show", "deactivate", "activate", "revoke-sessions", "export"] {
        office.run(&format!("user {command} bob@example.com")).assert_refused(1, "there is no user with this address");
    }
}
