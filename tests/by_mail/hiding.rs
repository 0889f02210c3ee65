//! Where whoever registers is not told that an address is taken: not by what is answered, nor by how long that takes.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::json;

use crate::common::app::{AppOptions, fresh_email, user};
use crate::common::database::Backend;
use crate::common::http::Answer;
use crate::common::scrape::metric;
use crate::common::users::PASSWORD;
use crate::common::{eventually, within};
use crate::{NEW, app_and_sink, code_in, codes, on_both_databases, post};

on_both_databases!(
    whether_an_address_is_taken_is_told_to_its_owner_alone,
    whoever_asks_for_codes_keeps_no_notice_from_an_owner,
    a_strangers_password_is_never_verified_once_the_owner_registers,
    of_two_who_register_at_once_one_is_told_as_an_owner,
);

fn hiding(options: AppOptions) -> AppOptions {
    options.set("registration_conflict", "hide").set("require_verified_email", "true")
}

async fn whether_an_address_is_taken_is_told_to_its_owner_alone(backend: Backend) {
    let (app, sink) = app_and_sink(backend, hiding).await;
    let email = fresh_email();
    let new = app.register(&email).await;
    let code = code_in(&sink.mail_to(&email, "Welcome", 0).await);
    let seen = |answer: &Answer| {
        let mut headers: Vec<_> = answer.headers.keys().map(ToString::to_string).collect();
        headers.sort();
        (answer.status, answer.text().to_owned(), headers)
    };
    assert_eq!((new.status, new.body.len()), (202, 0));
    // Somebody else's password is no better than any, whether or not the address was free.
    app.login(&email, PASSWORD).await.assert_problem(401, "INVALID_CREDENTIALS");
    assert_eq!(post(&app, "/auth/verify-email", json!({ "code": code })).await.status, 204);
    assert_eq!(app.login(&email, PASSWORD).await.status, 200);
    for _ in 0..3 {
        assert_eq!(seen(&app.register(&email.to_uppercase()).await), seen(&new));
    }
    let told = sink.mail_to(&email, "You have an account", 0).await;
    eventually("the others are withheld", async || {
        (codes("reset_password", "withheld").read(&app).await == 2.0).then_some(())
    })
    .await;
    assert_eq!(sink.received().len(), 2, "at most once an hour");
    let reset = json!({ "code": code_in(&told), "new_password": NEW });
    assert_eq!(post(&app, "/auth/reset-password", reset).await.status, 204);
    assert_eq!(app.login(&email, NEW).await.status, 200);
    // Nor do a key, wrong passwords from before, or a change to it tell anything.
    for address in [&email, &fresh_email()] {
        for _ in 0..6 {
            app.login(address, "wrong horse battery").await;
        }
        for name in ["Ada Lovelace", "Ada King"] {
            let mut body = user(address);
            body["full_name"] = json!(name);
            let request = app.request("POST", "/users/").header("idempotency-key", "\"the-same\"").json(&body);
            assert_eq!(Answer::to(request).await.unwrap().status, 202, "{address} {name}");
        }
        app.login(address, PASSWORD).await.assert_problem(429, "RATE_LIMITED");
    }
    metric("neodyme_registrations_total").label("outcome", "duplicate").value(6.0).assert_in(&app).await;
    metric("neodyme_registrations_total").label("outcome", "success").value(2.0).assert_in(&app).await;
}

async fn whoever_asks_for_codes_keeps_no_notice_from_an_owner(backend: Backend) {
    let (app, sink) = app_and_sink(backend, hiding).await;
    let email = fresh_email();
    assert_eq!(app.register(&email).await.status, 202);
    let strangers = code_in(&sink.mail_to(&email, "Welcome", 0).await);
    let wanted = json!({ "email": email });
    assert_eq!(post(&app, "/auth/reset-password/send", wanted).await.status, 202);
    sink.until_received(2).await;
    assert_eq!(app.register(&email).await.status, 202);
    sink.mail_to(&email, "You have an account", 0).await;
    let verified = post(&app, "/auth/verify-email", json!({ "code": strangers })).await;
    verified.assert_problem(422, "VALIDATION_FAILED");

    // The next notice is withheld, and what was sent between them is as useless.
    assert_eq!(post(&app, "/auth/verify-email/send", json!({ "email": email })).await.status, 202);
    let again = code_in(&sink.until_received(4).await[3]);
    assert_eq!(app.register(&email).await.status, 202);
    let withheld = codes("reset_password", "withheld");
    eventually("the notice is withheld", async || (withheld.read(&app).await == 1.0).then_some(())).await;
    let verified = post(&app, "/auth/verify-email", json!({ "code": again })).await;
    verified.assert_problem(422, "VALIDATION_FAILED");
}

async fn a_strangers_password_is_never_verified_once_the_owner_registers(backend: Backend) {
    let (app, sink) = app_and_sink(backend, hiding).await;
    let email = fresh_email();
    assert_eq!(app.register(&email).await.status, 202, "a stranger");
    sink.mail_to(&email, "Welcome", 0).await;
    for expected in ["issued", "withheld"] {
        let owners = json!({ "email": email, "full_name": "Owner", "password": NEW });
        assert_eq!(post(&app, "/users/", owners).await.status, 202);
        let notices = codes("reset_password", expected);
        eventually("a notice", async || (notices.read(&app).await == 1.0).then_some(())).await;
    }
    assert_eq!(post(&app, "/auth/verify-email/send", json!({ "email": email })).await.status, 202);
    let code = code_in(&sink.mail_to(&email, "Verify", 0).await);
    assert_eq!(post(&app, "/auth/verify-email", json!({ "code": code })).await.status, 204);
    app.login(&email, PASSWORD).await.assert_problem(401, "INVALID_CREDENTIALS");
    let notice = code_in(&sink.mail_to(&email, "You have an account", 0).await);
    let chosen = json!({ "code": notice, "new_password": NEW });
    assert_eq!(post(&app, "/auth/reset-password", chosen).await.status, 204);
    assert_eq!(app.login(&email, NEW).await.status, 200);
}

async fn of_two_who_register_at_once_one_is_told_as_an_owner(backend: Backend) {
    let (app, _sink) = app_and_sink(backend, hiding).await;
    for round in 0..3 {
        let email = fresh_email();
        let bodies =
            [PASSWORD, NEW].map(|password| json!({ "email": email, "full_name": "Ada", "password": password }));
        let answers = join_all(bodies.into_iter().map(|body| post(&app, "/users/", body))).await;
        assert!(answers.iter().all(|answer| answer.status == 202), "{answers:?}");
        let jobs = app.database.texts("SELECT topic AS text FROM outbox_jobs").await;
        let notices = jobs.iter().filter(|topic| *topic == "account_email").count();
        assert_eq!(notices, round + 1, "{jobs:?}");
    }
}

/// How long a registration takes tells nothing of whether its address is taken, nor does a request for a code.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_time_of_an_answer_does_not_tell_whether_an_address_is_taken() {
    const PAIRS: usize = 300;
    let unlimited = |options: AppOptions| {
        hiding(options)
            .set("password_argon2_memory_kib", 8192)
            .set("registrations_per_client", 0)
            .set("code_emails_per_client", 0)
            .set("http_requests_per_client", 0)
    };
    let (app, _sink) = app_and_sink(Backend::Sqlite, unlimited).await;
    assert_eq!(app.register("known@example.com").await.status, 202);
    let register = async |email: &str| app.register(email).await;
    let send = async |email: &str| post(&app, "/auth/reset-password/send", json!({ "email": email })).await;
    assert!(differ_by_less(0.05, PAIRS, register).await, "the medians of registrations differ by 5 % or more");
    // There is no hash here: tenths of a millisecond, of which the commit is most.
    assert!(differ_by_less(0.05, PAIRS, send).await, "the medians of requests for a code differ by 5 % or more");
}

/// Whether the medians of a known and of unknown addresses differ by less than this share. Whatever else this machine does is not in
/// every round.
async fn differ_by_less(share: f64, pairs: usize, call: impl AsyncFn(&str) -> Answer) -> bool {
    let found = within(Duration::from_secs(60), Duration::ZERO, async || {
        let mut took = [Vec::new(), Vec::new()];
        for _ in 0..pairs {
            for (times, email) in took.iter_mut().zip(["known@example.com".to_owned(), fresh_email()]) {
                let began = Instant::now();
                assert_eq!(call(&email).await.status, 202);
                times.push(began.elapsed());
            }
        }
        let [known, unknown] = took.map(|mut times| {
            times.sort();
            times[pairs / 2].as_secs_f64()
        });
        ((known / unknown - 1.0).abs() < share).then_some(())
    });
    found.await.is_some()
}
