//! Every answer of the service, or none, and the failure that it is.

use std::time::{Duration, Instant};

use neodyme::analytics::Analytics;
use neodyme::outbox::Effect;
use neodyme::outbox::Failure;
use neodyme::outbox::Reason::{Auth, Connect, Dns, NotTheService, Protocol, Refused4xx, Refused5xx, Timeout};
use serde_json::json;

use crate::SOON;
use crate::common::analytics::{AnalyticsService, Behaviour};
use crate::fixture::{analytics, analytics_at, analytics_with, gone, job, outcome};

/// For what never answers.
const SHORT: Duration = Duration::from_millis(200);

#[tokio::test]
async fn what_a_status_means() {
    let service = AnalyticsService::start().await;
    let analytics = analytics(&service, SOON);
    for code in [200, 201, 202, 204, 299] {
        service.behave(Behaviour::Status(code, None));
        assert_eq!(outcome(&analytics, &job()).await.unwrap().code, Some(code));
    }
    // Status, reason, permanent, service down.
    for (code, reason, permanent, service_down) in [
        (300, NotTheService, false, true),
        (304, NotTheService, false, true),
        (400, Refused4xx, true, false),
        (408, Refused4xx, false, false),
        (409, Refused4xx, false, true),
        (413, Refused4xx, true, false),
        (422, Refused4xx, true, false),
        (425, Refused4xx, false, false),
        (429, Refused4xx, false, true),
        (499, Refused4xx, false, true),
        (500, Refused5xx, false, true),
        (503, Refused5xx, false, true),
        (599, Refused5xx, false, true),
        (600, Protocol, false, true),
    ] {
        let failure = refusal(&service, &analytics, code).await;
        assert_eq!((failure.code, failure.reason), (Some(code), reason), "{code}");
        assert_eq!(
            ((failure.effect == Effect::GiveUp), (failure.effect == Effect::ServiceDown)),
            (permanent, service_down),
            "{code}"
        );
        assert_eq!(failure.retry_after, None, "{code}");
        assert!(failure.cause.to_string().starts_with(&format!("the service answered {code}")), "{}", failure.cause);
    }
}

/// Every event would end in the same way until somebody corrects a setting, here or there.
#[tokio::test]
async fn what_is_wrong_with_the_configuration_kills_no_event_and_says_what_to_do() {
    let service = AnalyticsService::start().await;
    let analytics = analytics(&service, SOON);
    let (moved, not_let_in, elsewhere) =
        ("set analytics_base_url", "must let its address in", "check that analytics_base_url");
    for (codes, reason, remedy) in [
        (&[301, 302, 303, 307, 308][..], NotTheService, moved),
        (&[401, 402, 403, 407], Auth, not_let_in),
        (&[404, 405, 406, 410, 411, 412, 414, 415, 416, 417, 418, 421, 426, 428, 431], NotTheService, elsewhere),
        (&[423, 424, 451], Refused4xx, ""),
    ] {
        for code in codes {
            let failure = refusal(&service, &analytics, *code).await;
            assert_eq!(
                (failure.reason, (failure.effect == Effect::GiveUp), (failure.effect == Effect::ServiceDown)),
                (reason, false, true),
                "{code}"
            );
            assert!(failure.cause.to_string().contains(remedy), "{code}: {}", failure.cause);
        }
    }
}

async fn refusal(service: &AnalyticsService, analytics: &Analytics, code: u16) -> Failure {
    service.behave(Behaviour::Status(code, None));
    outcome(analytics, &job()).await.unwrap_err()
}

#[tokio::test]
async fn the_service_says_when_it_wants_to_be_asked_again() {
    let service = AnalyticsService::start().await;
    let analytics = analytics(&service, SOON);
    for (code, retry_after, expected) in [
        (429, "17", Some(17)),
        (503, "0", Some(0)),
        (503, "86400", Some(3600)),
        (429, "Fri, 01 Jan 2100 00:00:00 GMT", Some(3600)),
        (503, "Thu, 01 Jan 1970 00:00:00 GMT", Some(0)),
        (429, "when I am better", None),
        (500, "17", None),
        (400, "17", None),
    ] {
        service.behave(Behaviour::Status(code, Some(retry_after.into())));
        let failure = outcome(&analytics, &job()).await.unwrap_err();
        assert_eq!(failure.retry_after.map(|wait| wait.as_secs()), expected, "{code} {retry_after}");
    }
}

#[tokio::test]
async fn a_service_that_is_down_is_found_again() {
    let mut service = AnalyticsService::start().await;
    let analytics = analytics(&service, SOON);
    outcome(&analytics, &job()).await.unwrap();
    service.stop().await;
    gone(&outcome(&analytics, &job()).await.unwrap_err(), Connect);
    service.resume().await;
    outcome(&analytics, &job()).await.unwrap();
}

#[tokio::test]
async fn a_host_that_does_not_exist_is_told_from_one_that_does_not_answer() {
    let analytics = analytics_at("http://analytics.invalid/", SOON);
    gone(&outcome(&analytics, &job()).await.unwrap_err(), Dns);
}

#[tokio::test]
async fn a_service_that_does_not_answer_is_left_in_time() {
    let service = AnalyticsService::start().await;
    for behaviour in [Behaviour::Hang, Behaviour::Slow(SOON)] {
        service.behave(behaviour);
        let began = Instant::now();
        gone(&outcome(&analytics(&service, SHORT), &job()).await.unwrap_err(), Timeout);
        assert!(began.elapsed() >= SHORT && began.elapsed() < SOON / 2, "{:?}", began.elapsed());
    }
}

#[tokio::test]
async fn a_slow_answer_is_an_answer() {
    let service = AnalyticsService::start().await;
    service.behave(Behaviour::Slow(SHORT));
    assert_eq!(outcome(&analytics(&service, SOON), &job()).await.unwrap().code, Some(202));
}

#[tokio::test]
async fn the_status_decides_however_the_body_goes_on() {
    let service = AnalyticsService::start().await;
    for body in [Behaviour::EndlessBody, Behaviour::SilentBody] {
        for timeout in [SHORT, SOON] {
            service.behave(body.clone());
            let began = Instant::now();
            assert_eq!(outcome(&analytics(&service, timeout), &job()).await.unwrap().code, Some(200), "{body:?}");
            assert!(began.elapsed() < SOON / 2, "{body:?} took {:?}", began.elapsed());
        }
    }
}

#[tokio::test]
async fn a_redirect_to_the_same_host_is_followed_with_the_whole_event() {
    let service = AnalyticsService::start().await;
    service.behave(Behaviour::RedirectSameHost);
    let job = job();
    assert_eq!(outcome(&analytics(&service, SOON), &job).await.unwrap().code, Some(202));
    let received = service.received();
    let [asked, followed] = received.as_slice() else { panic!("{received:?}") };
    assert_eq!((followed.method.as_str(), followed.path.as_str()), ("POST", "/v2/events"));
    assert_eq!(followed.body, asked.body);
    for name in ["idempotency-key", "traceparent", "x-request-id", "content-type"] {
        assert_eq!(followed.header(name), asked.header(name));
    }
}

#[tokio::test]
async fn a_redirect_to_anyone_else_is_not_followed() {
    let (service, other) = (AnalyticsService::start().await, AnalyticsService::start().await);
    let same_host_other_scheme = service.base_url().replace("http:", "https:") + "/events";
    let same_address_other_host = service.base_url().replace("127.0.0.1", "localhost") + "/events";
    let other_port = other.base_url() + "/events";
    for url in [same_host_other_scheme, same_address_other_host, other_port, "ftp://127.0.0.1/".into()] {
        service.behave(Behaviour::RedirectTo(307, url.clone()));
        let failure = outcome(&analytics(&service, SOON), &job()).await.unwrap_err();
        assert_eq!(
            (failure.reason, failure.code, (failure.effect == Effect::GiveUp)),
            (NotTheService, Some(307), false),
            "{url}"
        );
    }
    assert!(other.received().is_empty());
}

#[tokio::test]
async fn a_redirect_that_would_lose_the_event_is_not_followed() {
    let service = AnalyticsService::start().await;
    for code in [301, 302, 303] {
        service.behave(Behaviour::RedirectTo(code, "/v2/events".into()));
        let failure = outcome(&analytics(&service, SOON), &job()).await.unwrap_err();
        assert_eq!(
            (failure.reason, failure.code, (failure.effect == Effect::ServiceDown)),
            (NotTheService, Some(code), true)
        );
    }
    assert!(service.received().iter().all(|event| event.method == "POST" && event.path == "/v1/events"));
}

#[tokio::test]
async fn a_redirect_in_a_circle_is_followed_three_times() {
    let service = AnalyticsService::start().await;
    service.behave(Behaviour::RedirectLoop);
    let failure = outcome(&analytics(&service, SOON), &job()).await.unwrap_err();
    assert_eq!((failure.reason, failure.code, (failure.effect == Effect::GiveUp)), (NotTheService, Some(308), false));
    assert_eq!(service.received().len(), 4);
}

#[tokio::test]
async fn a_connection_that_breaks_before_the_answer_is_replaced_once() {
    let service = AnalyticsService::start().await;
    let analytics = analytics(&service, SOON);
    outcome(&analytics, &job()).await.unwrap();

    service.behave_once(Behaviour::CloseBeforeAnswer);
    let job = job();
    outcome(&analytics, &job).await.unwrap();
    let received = service.received();
    assert_eq!(received.len(), 3);
    assert!(received[1..].iter().all(|event| event.body["event_id"] == json!(job.id)));
    assert_eq!(received[1].header("idempotency-key"), received[2].header("idempotency-key"));

    service.behave(Behaviour::CloseBeforeAnswer);
    gone(&outcome(&analytics, &job).await.unwrap_err(), Protocol);
    assert_eq!(service.received().len(), 5);
}

#[tokio::test]
async fn connections_that_died_in_the_pool_are_replaced() {
    let mut service = AnalyticsService::start().await;
    let analytics = analytics(&service, SOON);
    for _ in 0..10 {
        outcome(&analytics, &job()).await.unwrap();
        service.stop().await;
        service.resume().await;
    }
    assert_eq!(service.taken().len(), 10);
}

#[tokio::test]
async fn what_is_no_http_is_no_answer() {
    let service = AnalyticsService::start().await;
    service.behave(Behaviour::Garbage);
    gone(&outcome(&analytics(&service, SOON), &job()).await.unwrap_err(), Protocol);
}

const LOGIN: &str = "\r\n<!DOCTYPE html><html><title>Sign in</title>canary@example.com</html>";

/// What says 200 and is not the service: no event is lost to it.
#[tokio::test]
async fn an_answer_that_is_not_the_services_delivers_nothing() {
    let service = AnalyticsService::start().await;
    let analytics = analytics(&service, SOON);
    for (status, content_type, body, says) in [
        (200, Some("text/html; charset=utf-8"), LOGIN, "200 OK with an HTML page"),
        (202, Some("application/json"), LOGIN, "an HTML page"),
        (200, None, "<HTML><body>Welcome to the hotel", "an HTML page"),
        (200, Some("text/html"), "Please sign in, canary", "none of analytics_expect_types"),
        (200, Some("application/xml"), "<canary/>", "none of analytics_expect_types"),
        (200, Some("canary"), "?", "none of analytics_expect_types"),
        (400, Some("text/html"), "<html>The plain HTTP request was sent to HTTPS port", "answered 400"),
    ] {
        service.behave(Behaviour::Foreign(status, content_type, body));
        let failure = outcome(&analytics, &job()).await.unwrap_err();
        let meaning = (failure.reason, failure.code, failure.effect);
        assert_eq!(meaning, (NotTheService, Some(status), Effect::ServiceDown), "{content_type:?} {body}");
        assert!(failure.cause.to_string().contains(says), "{}", failure.cause);
    }
}

#[tokio::test]
async fn whatever_a_service_of_events_says_is_its_own() {
    let service = AnalyticsService::start().await;
    let analytics = analytics(&service, SOON);
    for (content_type, body) in [
        (None, ""),
        (Some("text/html; charset=utf-8"), ""),
        (None, "ok"),
        (Some("application/json"), r#"{"accepted":1,"note":"<html>"}"#),
        (Some("application/vnd.example+json"), "{}"),
        (Some("text/plain;charset=utf-8"), "ok"),
    ] {
        service.behave(Behaviour::Foreign(200, content_type, body));
        assert_eq!(outcome(&analytics, &job()).await.unwrap().code, Some(200), "{content_type:?} {body}");
    }
}

#[tokio::test]
async fn what_is_expected_of_an_answer_can_be_set() {
    let service = AnalyticsService::start().await;
    let html = ("analytics_expect_types", "text/html");
    let text = ("analytics_expect_text", "\"accepted\":true");
    let statuses = ("analytics_expect_statuses", "202, 409");
    let json = Some("application/json");
    for (settings, status, content_type, body, reason) in [
        (&[html][..], 200, Some("text/html"), "<html>ok", None),
        (&[html], 200, json, "{}", Some(NotTheService)),
        (&[text], 200, json, r#"{"accepted":true}"#, None),
        (&[text], 200, json, r#"{"accepted":false}"#, Some(NotTheService)),
        (&[text], 204, None, "", Some(NotTheService)),
        (&[statuses], 202, json, "{}", None),
        (&[statuses], 409, json, "{}", None),
        (&[statuses], 200, json, "{}", Some(NotTheService)),
        (&[statuses], 500, json, "{}", Some(Refused5xx)),
    ] {
        let analytics = analytics_with(&service.base_url(), settings);
        service.behave(Behaviour::Foreign(status, content_type, body));
        let found = outcome(&analytics, &job()).await.err().map(|failure| failure.reason);
        assert_eq!(found, reason, "{settings:?} {status} {body}");
    }
}
