//! Who is signed in on the pages: what they see, and what ends it.

use serde_json::json;

use crate::common::app::{TestApp, fresh_email, user};
use crate::common::database::Backend;
use crate::common::http::Answer;
use crate::common::scrape::metric;
use crate::common::users::{PASSWORD, SignedIn};
use crate::visit::{
    OURS, SIGN_IN, act, assert_led_to_sign_in, assert_never_told, assert_page, cookie_of, open, post, sessions_of,
    with_pages,
};
use crate::{NEW, on_both_databases};

const ACCOUNT: &str = "/account/";
/// The pages with a form of who is signed in.
const OWN_FORMS: [&str; 5] = [
    "/account/change-password",
    "/account/change-address",
    "/account/change-name",
    "/account/download-data",
    "/account/delete-account",
];

on_both_databases!(
    who_is_signed_in_sees_where_and_ends_it,
    this_browser_comes_first_and_then_what_was_used_last,
    a_session_that_has_ended_opens_nothing,
    a_password_is_changed_on_the_page,
    two_tabs_are_no_theft_and_keep_the_session_alive,
    a_session_that_ends_soon_is_kept_alive_by_pages,
    a_form_of_another_site_does_nothing,
);

async fn who_is_signed_in_sees_where_and_ends_it(backend: Backend) {
    let app = TestApp::spawn(with_pages(backend).set("log_level", "trace")).await;
    let email = fresh_email();
    let mut body = user(&email);
    body["full_name"] = json!("<i>Ada</i>");
    assert_eq!(app.post(&body).await.status, 201);
    let elsewhere = app.sign_in(&email).await;
    let cookie = cookie_of(&app, &email).await;
    let page = open(&app, ACCOUNT, &cookie).await;
    assert_page(&page, 200);
    let text = page.text();
    for shown in [
        &email,
        "&lt;i&gt;Ada",
        "not verified",
        "(this one)",
        "127.0.0.1",
        "action=\"send-verification\"",
        "href=\"change-name\"",
        "href=\"change-address\"",
        "href=\"change-password\"",
        "href=\"download-data\"",
        "href=\"delete-account\"",
        "just now",
    ] {
        assert!(text.contains(shown), "{shown} is missing in {text}");
    }
    assert!(!text.contains("<i>") && text.matches("End this session").count() == 1, "{text}");
    let line = app.wait_for_request_log("Request completed", page.header("x-request-id")).await;
    assert_eq!((&line["caller"], &line["context"]["route"]), (&json!(elsewhere.id), &json!("/account/{page}")));

    let id = sessions_of(&app, &elsewhere.access).await[1]["id"].as_str().unwrap().to_owned();
    for _ in 0..2 {
        let ended = act(&app, "/account/end-session", &[("id", &id)], &cookie).await;
        assert_eq!((ended.status, ended.header("location")), (303, ACCOUNT), "{}", ended.text());
    }
    app.call("GET", "/auth/me", &elsewhere.access).await.assert_problem(401, "UNAUTHORIZED");
    let out = act(&app, "/account/sign-out", &[], &cookie).await;
    assert_eq!((out.status, out.header("location")), (303, "/account/sign-in?news=signed-out"), "{out:?}");
    assert!(out.header("set-cookie").contains("=; Path=/; Max-Age=0; Secure"), "{out:?}");
    let again = open(&app, ACCOUNT, &cookie).await;
    assert_led_to_sign_in(&again);
    assert!(again.header("set-cookie").contains("Max-Age=0"), "{again:?}");
    let did = ["user.registered by anonymous".to_owned()].into_iter();
    let did = did.chain(
        ["user.signed_in", "user.signed_in", "session.ended", "user.signed_out"]
            .map(|action| format!("{action} by {}", elsewhere.id)),
    );
    assert_eq!(app.audited().await, did.collect::<Vec<_>>());
    assert_never_told(&app, &[crate::visit::secret_of(&cookie)]).await;
}

async fn this_browser_comes_first_and_then_what_was_used_last(backend: Backend) {
    let app = TestApp::spawn(with_pages(backend)).await;
    let used = app.signed_in().await;
    let cookie = cookie_of(&app, &used.email).await;
    let idle = app.sign_in(&used.email).await;
    app.database.set_back("sessions", "last_used_at", 3600).await;
    assert_eq!(app.refresh(&used.refresh).await.status, 200);
    let sessions = sessions_of(&app, &idle.access).await;
    let [idle, _this, used] = [0, 1, 2].map(|n| sessions[n]["id"].as_str().unwrap());
    let page = open(&app, ACCOUNT, &cookie).await;
    let page = page.text();
    let places = ["(this one)", used, idle].map(|shown| page.find(shown).unwrap());
    assert!(places.is_sorted(), "{places:?} in {page}");
}

async fn a_session_that_has_ended_opens_nothing(backend: Backend) {
    let app = TestApp::spawn(with_pages(backend)).await;
    let stranger = app.get(ACCOUNT).await;
    assert_eq!((stranger.status, stranger.header("location")), (303, SIGN_IN), "{stranger:?}");
    let ends: [(&str, &str); 5] = [
        ("DELETE", "/auth/sessions"),
        ("POST", "/auth/password"),
        ("PATCH", "/users/{id}"),
        ("DELETE", "/users/{id}"),
        ("", "its time is over"),
    ];
    let admin = app.signed_in().await;
    app.database.execute(&format!("UPDATE users SET role = 'admin' WHERE email = '{}'", admin.email)).await;
    for (method, path) in ends {
        let user = app.signed_in().await;
        let cookie = cookie_of(&app, &user.email).await;
        assert_eq!(open(&app, ACCOUNT, &cookie).await.status, 200, "{path}");
        end(&app, &user, &admin, method, path).await;
        assert_led_to_sign_in(&open(&app, ACCOUNT, &cookie).await);
        for page in OWN_FORMS {
            assert_led_to_sign_in(&open(&app, page, &cookie).await);
            assert_led_to_sign_in(&act(&app, page, &[], &cookie).await);
        }
    }
}

/// Ends the sessions of a user, in one of the ways in which they end.
async fn end(app: &TestApp, user: &SignedIn, admin: &SignedIn, method: &str, path: &str) {
    let (token, body) = match (method, path) {
        ("", _) => return app.database.set_back("sessions", "expires_at", 31 * 86_400).await,
        ("POST", _) => (&user.access, json!({ "current_password": PASSWORD, "new_password": NEW })),
        ("PATCH", _) => (&admin.access, json!({ "is_active": false })),
        (_, "/users/{id}") => (&user.access, json!({ "password": PASSWORD })),
        _ => (&user.access, json!(null)),
    };
    let request = app.request(method, &path.replace("{id}", &user.id)).bearer_auth(token);
    let request = if body.is_null() { request } else { request.json(&body) };
    let answer = Answer::to(request).await.unwrap();
    assert!(answer.status < 300, "{answer:?}");
}

async fn a_password_is_changed_on_the_page(backend: Backend) {
    let app = TestApp::spawn(with_pages(backend)).await;
    let user = app.signed_in().await;
    let cookie = cookie_of(&app, &user.email).await;
    let change = async |current: &str, new: &str| {
        let form = [("current_password", current), ("new_password", new)];
        act(&app, "/account/change-password", &form, &cookie).await
    };
    let wrong = change("wrong horse battery", NEW).await;
    assert_page(&wrong, 403);
    assert!(wrong.text().contains("id=\"current_password-fault\">It is wrong."), "{}", wrong.text());
    metric("neodyme_password_confirmations_total").label("outcome", "wrong").value(1.0).assert_in(&app).await;
    let short = change(PASSWORD, "short").await;
    assert_page(&short, 422);
    assert!(short.text().contains("It must have at least 15 characters"), "{}", short.text());
    assert!(!short.text().contains(PASSWORD) && !wrong.text().contains("wrong horse"), "no password is shown");
    let done = change(PASSWORD, NEW).await;
    assert_eq!((done.status, done.header("location")), (303, "/account/change-password?done"), "{done:?}");
    app.call("GET", "/auth/me", &user.access).await.assert_problem(401, "UNAUTHORIZED");
    assert_led_to_sign_in(&open(&app, ACCOUNT, &cookie).await);
    let other = done.header("set-cookie").split(';').next().unwrap();
    let page = open(&app, done.header("location"), other).await;
    assert!(page.text().contains("Your password is changed."), "{}", page.text());
    assert_eq!(open(&app, ACCOUNT, other).await.status, 200, "the session that asked goes on, with another cookie");
    assert_eq!(app.login(&user.email, NEW).await.status, 200);
    assert_never_told(&app, &[NEW, PASSWORD]).await;
}

async fn two_tabs_are_no_theft_and_keep_the_session_alive(backend: Backend) {
    let app = TestApp::spawn(with_pages(backend)).await;
    let email = fresh_email();
    assert_eq!(app.register(&email).await.status, 201);
    let cookie = cookie_of(&app, &email).await;
    let fresh = open(&app, ACCOUNT, &cookie).await;
    assert!(fresh.status == 200 && !fresh.headers.contains_key("set-cookie"), "it was used a moment ago");
    let beside = format!("name=Zo\u{e9}; {cookie}; lang=de");
    assert_eq!(open(&app, ACCOUNT, &beside).await.status, 200, "what others keep is theirs");
    for column in ["last_used_at", "expires_at"] {
        app.database.set_back("sessions", column, 86_400).await;
    }
    let tabs = futures_util::future::join_all((0..8).map(|_| open(&app, ACCOUNT, &cookie))).await;
    for tab in &tabs {
        assert_page(tab, 200);
    }
    let renewed = tabs.iter().find_map(|tab| tab.headers.get("set-cookie")).unwrap().to_str().unwrap();
    let age = renewed.split("Max-Age=").nth(1).unwrap().split(';').next().unwrap().parse::<u32>().unwrap();
    assert!(
        renewed.starts_with(&format!("{cookie};")) && age > 2_591_000,
        "the same, for as long as the session: {age}"
    );
    let left = app.database.texts(match backend {
        Backend::Sqlite => "SELECT CAST((expires_at - last_used_at) / 1000000 AS text) AS text FROM sessions",
        Backend::Postgres => "SELECT extract(epoch FROM expires_at - last_used_at)::bigint::text AS text FROM sessions",
    });
    assert_eq!(left.await, ["2592000"]);
    assert_eq!(open(&app, ACCOUNT, &cookie).await.status, 200);
    metric("neodyme_errors_total").label("error_type", "SECURITY_VIOLATION").value(0.0).assert_in(&app).await;
}

async fn a_session_that_ends_soon_is_kept_alive_by_pages(backend: Backend) {
    let app = TestApp::spawn(with_pages(backend).set("session_idle", "40s")).await;
    let email = fresh_email();
    assert_eq!(app.register(&email).await.status, 201);
    let cookie = cookie_of(&app, &email).await;
    // It was used a quarter of that time ago.
    for column in ["last_used_at", "expires_at"] {
        app.database.set_back("sessions", column, 11).await;
    }
    let page = open(&app, ACCOUNT, &cookie).await;
    assert_page(&page, 200);
    let age = page.header("set-cookie").split("Max-Age=").nth(1).unwrap().split(';').next().unwrap();
    assert!(age.parse::<u32>().unwrap() > 35, "{age}");
}

async fn a_form_of_another_site_does_nothing(backend: Backend) {
    let app = TestApp::spawn(with_pages(backend)).await;
    let user = app.signed_in().await;
    let cookie = cookie_of(&app, &user.email).await;
    let client = crate::common::http::client();
    for path in ["/account/sign-out", "/account/end-session"].into_iter().chain(OWN_FORMS) {
        for from in [("sec-fetch-site", "cross-site"), ("origin", "null"), ("origin", "https://evil.example")] {
            let request = client.post(app.api_url() + path).header("cookie", &cookie).header(from.0, from.1);
            let request = request.header("content-type", "application/x-www-form-urlencoded");
            assert_page(&Answer::to(request).await.unwrap(), 403);
        }
    }
    assert_eq!(open(&app, ACCOUNT, &cookie).await.status, 200);
    assert_eq!(app.audited().await.len(), 3, "registered, and signed in twice: {:?}", app.audited().await);
    let without = post(&app, "/account/sign-out", &[], Some(OURS)).await;
    assert_eq!((without.status, without.header("location")), (303, "/account/sign-in?news=signed-out"));
}

#[tokio::test]
async fn what_is_no_known_browser_is_quoted() {
    let app = TestApp::spawn(with_pages(Backend::Sqlite)).await;
    let user = app.signed_in().await;
    let form = [("email", user.email.as_str()), ("password", PASSWORD)];
    let signed_in = app.send_form(SIGN_IN, &form, &[OURS, ("user-agent", "Safari on iPhone")]).await;
    let cookie = signed_in.header("set-cookie").split(';').next().unwrap();
    for (reads, quoted) in [("en", "“Safari on iPhone” (this one)"), ("de", "„Safari on iPhone“ (dieses Gerät)")]
    {
        let page = app.request("GET", ACCOUNT).header("cookie", cookie).header("accept-language", reads);
        let text = Answer::to(page).await.unwrap().text().replace("</span>", "");
        assert!(text.contains(quoted), "{quoted} is missing in {text}");
    }
}
