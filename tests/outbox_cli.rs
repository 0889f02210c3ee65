//! `neodyme outbox` and `neodyme audit`: the real binary, its output and its exit codes, on both databases.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "outbox_cli/by_domain_and_reply.rs"]
mod by_domain_and_reply;
mod common;
#[path = "outbox_cli/shop.rs"]
mod shop;

use common::app::AppOptions;
use common::database::{Backend, Database};
use common::rows::Rows;
use neodyme::accounts::audit::AuditEntry;
use neodyme::accounts::topics::WELCOME_EMAIL;
use neodyme::outbox::store::Settlement;
use neodyme::outbox::{JobState, NewJob, Payload};
use serde_json::json;
use shop::{Answer, Shop};
use time::OffsetDateTime;
use time::macros::datetime;
use uuid::Uuid;

on_both_databases!(
    jobs_are_listed_by_topic_and_state,
    a_list_says_that_there_is_more,
    a_job_is_shown_with_names_and_addresses_masked,
    what_was_withheld_is_not_shown_as_if_it_were_sent,
    named_jobs_are_retried_all_or_none,
    all_jobs_of_a_filter_are_retried,
    nothing_is_discarded_unasked,
    jobs_are_discarded_with_yes,
    a_terminal_is_asked_before_jobs_are_discarded,
    the_audit_trail_is_filtered,
    what_a_terminal_would_obey_is_written_out,
    a_database_that_is_not_there_or_not_migrated_is_an_error,
);

/// The first cell of each line below the head.
fn first_cells(table: &str) -> Vec<String> {
    table.lines().skip(1).map(|line| line.split("  ").next().unwrap().to_owned()).collect()
}

fn texts(ids: &[&NewJob]) -> Vec<String> {
    ids.iter().map(|job| job.id.to_string()).collect()
}

async fn jobs_are_listed_by_topic_and_state(backend: Backend) {
    let shop = Shop::open(backend).await;
    shop.run(&["outbox", "list"]).assert_said("no jobs\n");
    shop.run(&["outbox", "list", "--json"]).assert_said("[]\n");
    let [delivered, dead, running, pending, event] = &shop.one_of_each().await;
    let listed = |arguments: &[&str]| first_cells(&shop.run(&[&["outbox", "list"], arguments].concat()).out);
    assert_eq!(listed(&[]), texts(&[event, dead, running, pending]));
    assert_eq!(listed(&["--topic", "welcome_email"]), texts(&[dead, running, pending]));
    for (state, job) in [("delivered", delivered), ("dead", dead), ("running", running)] {
        assert_eq!(listed(&["--state", state]), texts(&[job]), "{state}");
    }
    assert_eq!(listed(&["--topic", "analytics_event", "--state", "pending"]), texts(&[event]));

    let table = shop.run(&["outbox", "list", "--state", "dead"]).out;
    let lines: Vec<_> = table.lines().collect();
    assert!(lines[0].starts_with("id                                    topic          state  attempts  created_at  "));
    assert!(lines[1].contains("  welcome_email  dead   1         20") && lines[1].ends_with("Z  refused_5xx (550)"));
    let json = shop.run(&["outbox", "list", "--state", "dead", "--json"]).json();
    assert_eq!((&json[0]["id"], &json[0]["attempts"]), (&json!(dead.id), &json!(1)));
    assert_eq!(json[0]["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736");
    assert!(json[0].get("payload").is_none() && json[0].get("lease_token").is_none());

    let help =
        "[possible values: welcome_email, account_email, analytics_event, webhook_1, webhook_2, webhook_3, webhook_4]";
    shop.run(&["outbox", "list", "--topic", "letters"]).assert_refused(2, help);
    shop.run(&["outbox", "list", "--limit", "0"]).assert_refused(2, "--limit");
    shop.run(&["outbox"]).assert_refused(2, "Usage: neodyme outbox");
}

async fn a_list_says_that_there_is_more(backend: Backend) {
    let shop = Shop::open(backend).await;
    shop.enqueue(WELCOME_EMAIL, &[3, 2, 1]).await;
    let answer = shop.run(&["outbox", "list", "--limit", "2"]);
    assert_eq!((answer.code, answer.out.lines().count()), (0, 3));
    assert_eq!(answer.err, "neodyme: these are the first 2; --limit shows more\n");
    assert_eq!(shop.run(&["outbox", "list", "--limit", "3"]).err, "");
}

async fn a_job_is_shown_with_names_and_addresses_masked(backend: Backend) {
    let shop = Shop::open(backend).await;
    let [delivered, dead, ..] = shop.one_of_each().await.map(|job| job.id.to_string());
    let shown = shop.run(&["outbox", "show", "--id", &dead, "--id", &delivered]).out;
    let (first, second) = shown.split_once("\n\n").unwrap();
    for line in [
        &format!("id           {dead}"),
        "state        dead",
        "request_id   request-30",
        "last_error   refused_5xx (550)",
        r#"payload      {"email":"a***@example.com","full_name":"A***"}"#,
    ] {
        assert!(first.lines().any(|shown| shown == line), "{line:?} is missing in {first}");
    }
    assert!(second.ends_with("payload      {}\n"), "{second}");
    assert!(!shown.contains("lease_until"));

    let json = shop.run(&["outbox", "show", "--id", &dead, "--json"]).json();
    assert_eq!(json[0]["payload"], json!({"email": "a***@example.com", "full_name": "A***"}));
    let json = shop.run(&["outbox", "show", "--id", &dead, "--json", "--full"]).json();
    assert_eq!(json[0]["payload"], json!({"email": "ada@example.com", "full_name": "Ada Lovelace"}));

    let unknown = Uuid::now_v7().to_string();
    let answer = shop.run(&["outbox", "show", "--id", &dead, "--id", &unknown]);
    assert_eq!((answer.code, answer.err), (1, format!("neodyme: there is no job {unknown}\n")));
    assert!(answer.out.contains(&dead));
    shop.run(&["outbox", "show"]).assert_refused(2, "--id <ID>");
    shop.run(&["outbox", "show", "--id", "7"]).assert_refused(2, "--id <ID>");
}

async fn what_was_withheld_is_not_shown_as_if_it_were_sent(backend: Backend) {
    const WHY: &str = "nobody has this address";
    let shop = Shop::open(backend).await;
    let [sent, withheld, retried] = shop.enqueue(WELCOME_EMAIL, &[3, 2, 1]).await.try_into().unwrap();
    let claimed = shop.claim(WELCOME_EMAIL, 2).await;
    let failed = Settlement::Retry {
        run_at: OffsetDateTime::now_utc() - time::Duration::HOUR,
        error: "refused_4xx (450)".into(),
        failing_since: None,
        unanswered: false,
    };
    shop.settle(&claimed[0], Settlement::Delivered).await;
    shop.settle(&claimed[1], failed.clone()).await;
    shop.settle(&shop.claim(WELCOME_EMAIL, 1).await[0], Settlement::Withheld { why: WHY }).await;
    shop.settle(&shop.claim(WELCOME_EMAIL, 1).await[0], failed).await;

    let list = shop.run(&["outbox", "list", "--state", "delivered"]).out;
    let line = |job: &NewJob| list.lines().find(|line| line.starts_with(&job.id.to_string())).unwrap().to_owned();
    assert!(line(&withheld).contains("  withheld  ") && line(&withheld).ends_with(WHY), "{list}");
    assert!(line(&sent).contains("  delivered  ") && !line(&sent).contains(WHY), "{list}");
    let shown = shop.run(&["outbox", "show", "--id", &withheld.id.to_string()]).out;
    for (name, value) in
        [("state", "withheld"), ("withheld", WHY), ("last_error", "refused_4xx (450)"), ("payload", "{}")]
    {
        let line = format!("{name:<11}  {value}");
        assert!(shown.lines().any(|shown| shown == line), "{line:?} is missing in {shown}");
    }
    let json = |job: &NewJob| shop.run(&["outbox", "show", "--json", "--id", &job.id.to_string()]).json()[0].clone();
    assert_eq!((&json(&withheld)["state"], &json(&withheld)["withheld"]), (&json!("withheld"), &json!(WHY)));
    for (job, state) in [(&sent, "delivered"), (&retried, "pending")] {
        assert_eq!((&json(job)["state"], json(job).get("withheld")), (&json!(state), None));
    }

    for (by, replies) in [("topic", [json!(null), json!(null)]), ("reply", [json!(WHY), json!(null)])] {
        let groups = shop.run(&["outbox", "list", "--state", "delivered", "--by", by, "--json"]).json();
        let of = |state: &str| groups.as_array().unwrap().iter().find(|group| group["state"] == state).unwrap().clone();
        let [withheld, sent] = ["withheld", "delivered"].map(of);
        assert_eq!((&withheld["jobs"], &sent["jobs"]), (&json!(1), &json!(1)), "{groups}");
        assert_eq!(
            [&withheld, &sent].map(|group| group.get("reply").cloned().unwrap_or_default()),
            replies,
            "{groups}"
        );
    }
    // What is copied from there narrows both lists, and the reply before does not count any more.
    let narrowed = |reply: &str, by: &[&str]| {
        let arguments = [&["outbox", "list", "--state", "delivered", "--json", "--reply", reply], by].concat();
        shop.run(&arguments).json().as_array().unwrap().iter().map(|row| row["state"].clone()).collect::<Vec<_>>()
    };
    for by in [&[][..], &["--by", "reply"], &["--by", "topic"]] {
        assert_eq!(narrowed(WHY, by), ["withheld"], "{by:?}");
        assert_eq!(narrowed("nobody has this", by), [""; 0], "{by:?}");
        assert_eq!(narrowed("refused_4xx (450)", by), [""; 0], "{by:?}");
    }
    let table = shop.run(&["outbox", "list", "--state", "delivered", "--by", "reply"]).out;
    assert!(
        table.lines().any(|line| line.starts_with("1 ") && line.contains(" withheld ") && line.contains(WHY)),
        "{table}"
    );
}

async fn named_jobs_are_retried_all_or_none(backend: Backend) {
    let shop = Shop::open(backend).await;
    let [delivered, dead, running, pending, _] = shop.one_of_each().await.map(|job| job.id);
    let retry = |ids: &[Uuid]| {
        let flags = ids.iter().flat_map(|id| ["--id".to_owned(), id.to_string()]);
        let arguments: Vec<_> = ["outbox".to_owned(), "retry".to_owned()].into_iter().chain(flags).collect();
        shop.run(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
    };
    retry(&[dead, running]).assert_refused(1, &format!("job {running} is running; nothing was changed"));
    retry(&[dead, delivered]).assert_refused(1, &format!("job {delivered} is delivered; nothing was changed"));
    let unknown = Uuid::now_v7();
    retry(&[dead, unknown]).assert_refused(1, &format!("nothing was changed: there is no job {unknown}"));
    assert_eq!(shop.state(dead).await, Some(JobState::Dead));
    retry(&[dead, pending]).assert_said("2 jobs due now\n");
    let claimed = shop.claim(WELCOME_EMAIL, 9).await;
    assert_eq!(claimed.iter().map(|job| (job.id, job.attempt)).collect::<Vec<_>>(), [(dead, 2), (pending, 1)]);
}

async fn all_jobs_of_a_filter_are_retried(backend: Backend) {
    let shop = Shop::open(backend).await;
    let [_, dead, ..] = shop.one_of_each().await.map(|job| job.id);
    shop.run(&["outbox", "retry"]).assert_refused(2, "<--id <ID>|--all>");
    shop.run(&["outbox", "retry", "--topic", "welcome_email"]).assert_refused(2, "--all");
    shop.run(&["outbox", "retry", "--all", "--id", &dead.to_string()]).assert_refused(2, "cannot be used with");
    shop.run(&["outbox", "retry", "--all", "--state", "running"]).assert_refused(2, "[possible values: pending, dead]");
    shop.run(&["outbox", "retry", "--all", "--topic", "analytics_event", "--state", "dead"])
        .assert_said("0 jobs due now\n");
    shop.run(&["outbox", "retry", "--all", "--state", "dead"]).assert_said("1 job due now\n");
    assert_eq!(shop.state(dead).await, Some(JobState::Pending));
    assert_eq!(shop.run(&["outbox", "retry", "--all", "--json"]).json(), json!({"retried": 3}));
}

async fn nothing_is_discarded_unasked(backend: Backend) {
    let shop = Shop::open(backend).await;
    let [_, dead, running, ..] = shop.one_of_each().await.map(|job| job.id.to_string());
    let refusal = "standard input is no terminal, so nobody can be asked; --yes discards without asking";
    shop.run(&["outbox", "discard", "--id", &dead]).assert_refused(1, refusal);
    shop.run(&["outbox", "discard", "--all"]).assert_refused(1, refusal);
    shop.run(&["outbox", "discard", "--yes"]).assert_refused(2, "<--id <ID>|--all>");
    shop.run(&["outbox", "discard", "--yes", "--id", &dead, "--id", &running]).assert_refused(1, "is running");
    assert_eq!(shop.database.count("outbox_jobs").await, 5);
}

async fn jobs_are_discarded_with_yes(backend: Backend) {
    let shop = Shop::open(backend).await;
    let [delivered, dead, running, ..] = shop.one_of_each().await.map(|job| job.id);
    shop.run(&["outbox", "discard", "--yes", "--id", &dead.to_string()]).assert_said("1 job discarded\n");
    assert_eq!(shop.state(dead).await, None);
    let answer = shop.run(&["outbox", "discard", "--yes", "--all", "--topic", "welcome_email", "--json"]);
    assert_eq!(answer.json(), json!({"discarded": 1}));
    shop.run(&["outbox", "discard", "--yes", "--all"]).assert_said("1 job discarded\n");
    shop.run(&["outbox", "discard", "--yes", "--all"]).assert_said("0 jobs discarded\n");
    assert_eq!(shop.database.count("outbox_jobs").await, 2);
    assert!(shop.state(delivered).await.is_some() && shop.state(running).await.is_some());
}

async fn a_terminal_is_asked_before_jobs_are_discarded(backend: Backend) {
    let shop = Shop::open(backend).await;
    shop.one_of_each().await;
    let (code, said) = shop.run_on_a_terminal("outbox discard --all", "no\n");
    assert_eq!(code, 1, "{said}");
    for text in ["1 welcome_email (dead)", "1 welcome_email (pending)", "1 analytics_event (pending)", "Type yes to"] {
        assert!(said.contains(text), "{text} is missing in {said}");
    }
    assert!(said.contains("neodyme: nothing was discarded"), "{said}");
    assert_eq!(shop.database.count("outbox_jobs").await, 5);
    let (code, said) = shop.run_on_a_terminal("outbox discard --all", "yes\n");
    assert!(code == 0 && said.contains("3 jobs discarded"), "{said}");
    assert_eq!(shop.database.count("outbox_jobs").await, 2);
}

async fn what_a_terminal_would_obey_is_written_out(backend: Backend) {
    const EVIL: &str = "\u{200f}Ada\u{1b}[2J\u{9b}\u{202e}\u{61c}\u{2066}\u{200b}\u{feff}\u{e0041}\r\n";
    let shop = Shop::open(backend).await;
    let mut job = shop.enqueue(WELCOME_EMAIL, &[]).await;
    job.push(NewJob {
        id: Uuid::now_v7(),
        topic: WELCOME_EMAIL,
        payload: Payload::new(json!({"email": EVIL, "full_name": EVIL})),
        user_id: None,
        request_id: EVIL.into(),
        traceparent: EVIL.into(),
        created_at: OffsetDateTime::now_utc(),
    });
    let audit = vec![AuditEntry { action: EVIL.into(), ..entry(EVIL, OffsetDateTime::now_utc()) }];
    Rows { jobs: job.clone(), audit, ..Rows::default() }.insert(&shop.db).await.unwrap();
    let claimed = shop.claim(WELCOME_EMAIL, 1).await.remove(0);
    shop.settle(&claimed, Settlement::Dead { error: EVIL.into() }).await;

    let id = job[0].id.to_string();
    for arguments in [
        &["outbox", "list"][..],
        &["outbox", "list", "--json"],
        &["outbox", "show", "--id", &id],
        &["outbox", "show", "--id", &id, "--full"],
        &["outbox", "show", "--id", &id, "--full", "--json"],
        &["audit", "list"],
        &["audit", "list", "--json"],
    ] {
        let shown = shop.run(arguments).out;
        assert!(shown.contains("Ada") && shown.contains("\\u{200f}") || shown.contains("\\u200f"), "{shown}");
        let obeyed = |c: &char| *c != '\n' && (c.is_control() || EVIL.contains(*c) && !c.is_ascii());
        assert_eq!(shown.chars().filter(obeyed).count(), 0, "{arguments:?}: {shown:?}");
    }
}

async fn the_audit_trail_is_filtered(backend: Backend) {
    let shop = Shop::open(backend).await;
    shop.run(&["audit", "list"]).assert_said("no entries\n");
    let now = OffsetDateTime::now_utc();
    let entries = [
        entry("request-0", datetime!(2026-01-02 03:04:05.000006 UTC)),
        entry("request-1", now - time::Duration::hours(2)),
        AuditEntry { user_id: None, client_ip: None, action: "jobs.pruned".into(), ..entry("request-2", now) },
    ];
    let rows = Rows { audit: entries.to_vec(), ..Rows::default() };
    rows.insert(&shop.db).await.unwrap();
    let requests = |arguments: &[&str]| -> Vec<String> {
        let json = shop.run(&[&["audit", "list", "--json"], arguments].concat()).json();
        json.as_array().unwrap().iter().map(|entry| entry["request_id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(requests(&[]), ["request-2", "request-1", "request-0"]);
    assert_eq!(requests(&["--user", &entries[1].user_id.unwrap().to_string()]), ["request-1"]);
    assert_eq!(requests(&["--action", "jobs.pruned"]), ["request-2"]);
    assert_eq!(requests(&["--request-id", "request-0"]), ["request-0"]);
    assert_eq!(requests(&["--since", "3h"]), ["request-2", "request-1"]);
    assert_eq!(requests(&["--since", "3h", "--until", "1h"]), ["request-1"]);
    assert_eq!(requests(&["--until", "2026-01-03"]), ["request-0"]);
    assert_eq!(requests(&["--since", "2026-01-02T04:04:05.000006+01:00", "--until", "2026-01-03"]), ["request-0"]);

    let answer = shop.run(&["audit", "list", "--limit", "1"]);
    assert!(answer.out.lines().nth(1).unwrap().ends_with("  jobs.pruned  anonymous  -        -          request-2"));
    let place = answer.err.strip_prefix("neodyme: there are earlier ones: --after ").unwrap();
    let place = place.strip_suffix(" goes on\n").unwrap();
    assert_eq!(requests(&["--after", place]), ["request-1", "request-0"]);
    shop.run(&["audit", "list", "--after", "x"]).assert_refused(2, "accepted: the place that the page before named");
    let table = shop.run(&["audit", "list", "--request-id", "request-0"]).out;
    assert!(table.starts_with("occurred_at                  action           actor      user_id  "), "{table}");
    assert!(table.contains("\n2026-01-02T03:04:05.000006Z  user.registered  anonymous  "), "{table}");
    shop.run(&["audit", "list", "--since", "yesterday"]).assert_refused(2, "accepted: 2026-11-22T08:00:00Z");
}

fn entry(request_id: &str, occurred_at: OffsetDateTime) -> AuditEntry {
    AuditEntry {
        id: Uuid::now_v7(),
        occurred_at,
        action: "user.registered".into(),
        actor: "anonymous".into(),
        user_id: Some(Uuid::now_v7()),
        client_ip: Some("2001:db8::1".into()),
        request_id: request_id.into(),
        trace_id: "4bf92f3577b34da6a3ce929d0e0e4736".into(),
        details: json!({}),
    }
}

async fn a_database_that_is_not_there_or_not_migrated_is_an_error(backend: Backend) {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::create(backend, folder.path());
    let expected = match backend {
        Backend::Sqlite => {
            "neodyme.db: run this where `neodyme serve` runs, or with its database_url; a first `neodyme serve`"
        }
        Backend::Postgres => "run `neodyme migrate`",
    };
    for arguments in [&["outbox", "list"][..], &["outbox", "retry", "--all"], &["audit", "list"]] {
        let answer = AppOptions::on_database(database.clone()).run(arguments, folder.path());
        Answer::from(answer).assert_refused(1, expected);
    }
    assert!(!folder.path().join("data").exists());
}
