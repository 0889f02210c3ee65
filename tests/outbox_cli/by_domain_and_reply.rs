//! Jobs are counted and changed by what no column has: the recipient's domain and the last reply.

use neodyme::accounts::topics::{ANALYTICS_EVENT, WELCOME_EMAIL};
use neodyme::outbox::store::Settlement;
use neodyme::outbox::{JobState, NewJob};
use serde_json::json;

use super::{first_cells, texts};
use crate::common::database::Backend;
use crate::on_both_databases;
use crate::shop::Shop;

/// Two domains, three replies, one that was not tried, and an event.
async fn failures(shop: &Shop) -> Vec<NewJob> {
    let (full, unknown) =
        ("refused_4xx (452): RCPT TO: 452 full", "refused_5xx (550): RCPT TO: 550 5.1.1 unknown: really");
    let letters = [
        ("\"a@odd.example\"@Example.COM", Some(unknown)),
        ("b@example.com", Some(unknown)),
        ("c@example.com", Some(full)),
        ("d@mail.test", Some(unknown)),
        ("e@mail.test", Some("timeout")),
        ("f@mail.test", None),
    ];
    let emails: Vec<_> = letters.iter().map(|(email, _)| *email).collect();
    let jobs = shop.enqueue_to(&emails).await;
    let claimed = shop.claim(WELCOME_EMAIL, 5).await;
    for (job, (_, error)) in claimed.iter().zip(letters) {
        shop.settle(job, Settlement::Dead { error: error.unwrap().into() }).await;
    }
    shop.enqueue(ANALYTICS_EVENT, &[1]).await;
    jobs
}

async fn jobs_are_counted_by_domain_and_reply(backend: Backend) {
    let shop = Shop::open(backend).await;
    shop.run(&["outbox", "list", "--by", "domain,reply"]).assert_said("no jobs\n");
    let jobs = failures(&shop).await;
    let counted = |arguments: &[&str]| {
        let table = shop.run(&[&["outbox", "list"], arguments].concat()).out;
        let cells =
            |line: &str| line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).map(str::to_owned).collect();
        let lines: Vec<Vec<String>> = table.lines().skip(1).map(cells).collect();
        let mut lines: Vec<_> = lines.iter().map(|cells| cells[..5].join(" ")).collect();
        lines.sort();
        lines
    };
    let by_both = counted(&["--by", "domain,reply", "--state", "dead"]);
    let expected = [
        "1 dead - example.com refused_4xx (452)",
        "1 dead - mail.test refused_5xx (550)",
        "1 dead - mail.test timeout",
        "2 dead - example.com refused_5xx (550)",
    ];
    assert_eq!(by_both, expected);
    assert_eq!(
        counted(&["--by", "topic"]),
        ["1 pending analytics_event - -", "1 pending welcome_email - -", "5 dead welcome_email - -"]
    );
    assert_eq!(counted(&["--by", "domain", "--reply", "550"]), ["1 dead - mail.test -", "2 dead - example.com -"]);
    assert_eq!(counted(&["--by", "reply", "--domain", "mail.TEST", "--state", "pending"]), ["1 pending - - -"]);

    let json = shop.run(&["outbox", "list", "--by", "domain,reply", "--limit", "9", "--json"]).json();
    let largest = &json[0];
    assert_eq!((&largest["jobs"], &largest["example"]), (&json!(2), &json!(jobs[0].id)));
    assert!(largest.get("topic").is_none() && largest["oldest"].as_str().unwrap().ends_with('Z'), "{largest}");
    assert!(!json.to_string().contains('@') && !json.to_string().contains("odd.example"), "{json}");
    let answer = shop.run(&["outbox", "list", "--by", "domain", "--limit", "1"]);
    assert_eq!(answer.err, "neodyme: these are the largest 1; --limit shows more\n");
    shop.run(&["outbox", "list", "--by", "email"]).assert_refused(2, "[possible values: topic, domain, reply]");
    shop.run(&["outbox", "list", "--reply", "x%"]).assert_refused(2, "accepted: the code of a reply");
    let listed = shop.run(&["outbox", "list", "--domain", "mail.test", "--reply", "timeout"]).out;
    assert_eq!(first_cells(&listed), texts(&[&jobs[4]]));
}

async fn jobs_of_a_domain_and_a_reply_are_retried_or_discarded(backend: Backend) {
    let shop = Shop::open(backend).await;
    let jobs = failures(&shop).await;
    shop.run(&["outbox", "retry", "--domain", "example.com"]).assert_refused(2, "--all");
    let one_reply = ["outbox", "retry", "--all", "--domain", "example.com", "--reply", "refused_5xx (550)"];
    shop.run(&one_reply).assert_said("2 jobs due now\n");
    let states = async || {
        let mut states = Vec::new();
        for job in &jobs {
            states.push(shop.state(job.id).await.map_or("-", JobState::as_str));
        }
        states.join(" ")
    };
    assert_eq!(states().await, "pending pending dead dead dead pending");
    shop.run(&["outbox", "discard", "--all", "--domain", "mail.test", "--state", "dead", "--yes"])
        .assert_said("2 jobs discarded\n");
    assert_eq!(states().await, "pending pending dead - - pending");
    shop.run(&["outbox", "discard", "--all", "--reply", "5%"]).assert_refused(2, "--reply");
}

on_both_databases!(jobs_are_counted_by_domain_and_reply, jobs_of_a_domain_and_a_reply_are_retried_or_discarded,);
