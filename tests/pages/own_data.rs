//! What people do with what is stored of them: another address, another name, all of it to take along, and the end of it.

use serde_json::{Value, json};

use crate::common::app::{TestApp, fresh_email};
use crate::common::database::Backend;
use crate::common::http::Answer;
use crate::common::scrape::metric;
use crate::common::users::PASSWORD;
use crate::visit::{
    OURS, SIGN_IN, act, assert_led_to_sign_in, assert_never_told, assert_page, cookie_of, open, with_pages,
};
use crate::{app_and_sink, assert_says, drive, link_in_mail, on_both_databases};

const ADDRESS: &str = "/account/change-address";
const NAME: &str = "/account/change-name";
const DOWNLOAD: &str = "/account/download-data";
const DELETE: &str = "/account/delete-account";

on_both_databases!(
    a_person_changes_the_address_and_takes_that_back,
    a_person_changes_the_name_and_takes_the_data_along,
    a_person_deletes_the_account,
    another_address_is_refused_beside_its_field,
    another_name_is_refused_beside_its_field_and_is_all_that_changes,
    a_file_is_made_for_who_asks_and_noted,
    who_does_not_know_the_password_deletes_nothing,
    an_admin_stays,
);

/// What a browser says of a link on a page of ours.
async fn led(app: &TestApp, path: &str, cookie: &str) -> Answer {
    let request = app.client.get(app.api_url() + path).header("cookie", cookie).header(OURS.0, OURS.1);
    Answer::to(request).await.unwrap()
}

fn steps_in(app: &TestApp, email: &str) -> Value {
    let filled = json!({ "email": email, "password": PASSWORD });
    json!({ "goto": app.api_url() + SIGN_IN, "fill": filled, "press": "button" })
}

async fn a_person_changes_the_address_and_takes_that_back(backend: Backend) {
    let (app, sink) = app_and_sink(backend).await;
    let (user, new) = (app.signed_in().await, fresh_email());
    let press = "form button";
    let asked = drive(json!([
        { "goto": app.api_url() + SIGN_IN, "fill": { "email": user.email, "password": PASSWORD }, "press": press },
        { "press": "a[href='change-address']" },
        { "fill": { "new_email": new, "password": "wrong horse battery" }, "press": press },
        { "fill": { "password": PASSWORD }, "press": press },
        { "goto": app.api_url() + "/account/" },
    ]))
    .await;
    assert_says(&asked[1], "Your account has that address once you have followed the link in the email");
    assert_says(&asked[2], "It is wrong.");
    assert_says(&asked[3], "We have sent an email to your new address.");
    assert_says(&asked[3], &user.email);
    assert!(!asked[4]["text"].as_str().unwrap().contains("We have sent"), "it is said once");

    let confirm = link_in_mail(&app, &sink, &new, "new address").await;
    let seen = drive(json!([
        steps_in(&app, &user.email),
        { "goto": confirm, "press": "button" },
        { "press": "a[href='./']" },
    ]))
    .await;
    assert_says(&seen[1], "Your account has this address from now on.");
    assert_says(&seen[2], &new);
    let undo = link_in_mail(&app, &sink, &user.email, "was changed").await;
    let seen = drive(json!([{ "goto": undo, "press": "button" }, steps_in(&app, &user.email)])).await;
    assert_says(&seen[0], "Your account has its address again.");
    assert_says(&seen[1], &user.email);
}

async fn a_person_changes_the_name_and_takes_the_data_along(backend: Backend) {
    let app = TestApp::spawn(with_pages(backend)).await;
    let user = app.signed_in().await;
    let seen = drive(json!([
        steps_in(&app, &user.email),
        { "press": "a[href='change-name']" },
        { "fill": { "full_name": "Countess of Lovelace" }, "press": "button" },
        { "press": "a[href='download-data']" },
        { "download": "form button" },
    ]))
    .await;
    assert_says(&seen[2], "Your name is changed.");
    assert_says(&seen[2], "You are signed in as Countess of Lovelace");
    assert_eq!(seen[4]["url"], app.api_url() + DOWNLOAD, "the page stays");
    assert_eq!(seen[4]["file"]["name"], "account-data.json");
    let file: Value = serde_json::from_str(seen[4]["file"]["text"].as_str().unwrap()).unwrap();
    assert_eq!(
        (&file["user"]["full_name"], &file["user"]["email"]),
        (&json!("Countess of Lovelace"), &json!(user.email))
    );
    let done = [format!("user.renamed by {}", user.id), format!("user.exported by {}", user.id)];
    assert!(app.audited().await.ends_with(&done), "{:?}", app.audited().await);
}

async fn a_person_deletes_the_account(backend: Backend) {
    let app = TestApp::spawn(with_pages(backend)).await;
    let user = app.signed_in().await;
    let seen = drive(json!([
        steps_in(&app, &user.email),
        { "press": "a[href='delete-account']" },
        { "fill": { "password": "wrong horse battery" }, "press": "button" },
        { "tab": "other", "goto": app.api_url() + "/account/" },
        { "fill": { "password": PASSWORD }, "press": "button" },
        { "tab": "other", "goto": app.api_url() + "/account/" },
    ]))
    .await;
    assert_says(&seen[1], "This cannot be undone.");
    assert_says(&seen[2], "It is wrong.");
    assert_says(&seen[3], "You are signed in as");
    assert_says(&seen[4], "Your account is deleted.");
    assert_says(&seen[4], "Sign up");
    assert_eq!(seen[5]["url"], app.api_url() + SIGN_IN);
    assert!(!seen[5]["text"].as_str().unwrap().contains("deleted"), "{}", seen[5]);
    app.login(&user.email, PASSWORD).await.assert_problem(401, "INVALID_CREDENTIALS");
    assert_eq!((app.database.count("users").await, app.database.count("sessions").await), (0, 0));
}

async fn another_address_is_refused_beside_its_field(backend: Backend) {
    let app = TestApp::spawn(with_pages(backend).set("code_emails_per_client", 4)).await;
    let (user, other, new) = (app.signed_in().await, app.signed_in().await, fresh_email());
    let cookie = cookie_of(&app, &user.email).await;
    let ask = async |email: &str, password: &str| {
        act(&app, ADDRESS, &[("new_email", email), ("password", password)], &cookie).await
    };
    for (email, password, status, beside) in [
        (new.as_str(), "wrong horse battery", 403, "id=\"password-fault\">It is wrong."),
        (&other.email, PASSWORD, 409, "id=\"new_email-fault\">It is registered already."),
        (&user.email, PASSWORD, 422, "id=\"new_email-fault\">"),
        ("ada", "", 422, "id=\"new_email-fault\">It must be an email address"),
    ] {
        let refused = ask(email, password).await;
        assert_page(&refused, status);
        let text = refused.text();
        assert!(text.contains(beside) && text.contains(&format!("value=\"{email}\"")), "{text}");
        assert!(!text.contains("wrong horse") && !text.contains(PASSWORD), "no password is shown");
    }
    assert_page(&ask(&new, PASSWORD).await, 429);
    let own = format!("user.email_change_requested by {}", user.id);
    assert!(!app.audited().await.contains(&own), "nothing was asked for");
    metric("neodyme_password_confirmations_total").label("outcome", "wrong").value(1.0).assert_in(&app).await;
}

async fn another_name_is_refused_beside_its_field_and_is_all_that_changes(backend: Backend) {
    let app = TestApp::spawn(with_pages(backend)).await;
    let user = app.signed_in().await;
    let cookie = cookie_of(&app, &user.email).await;
    let empty = act(&app, NAME, &[("full_name", " ")], &cookie).await;
    assert_page(&empty, 422);
    assert!(empty.text().contains("id=\"full_name-fault\">"), "{}", empty.text());
    for more in ["role", "is_active", "locale"] {
        let form = [("full_name", "Ada"), (more, "admin")];
        assert_page(&act(&app, NAME, &form, &cookie).await, 422);
    }
    let done = act(&app, NAME, &[("full_name", "<b>Ada")], &cookie).await;
    assert_eq!((done.status, done.header("location")), (303, "/account/?news=name"));
    let page = led(&app, done.header("location"), &cookie).await;
    assert!(page.text().contains("Your name is changed.") && page.text().contains("&lt;b&gt;Ada"), "{}", page.text());
    let by_others = app.request("GET", done.header("location")).header("cookie", &cookie);
    let elsewhere = Answer::to(by_others.header("sec-fetch-site", "cross-site")).await.unwrap();
    assert_page(&elsewhere, 200);
    assert!(!elsewhere.text().contains("Your name is changed."), "no other site has it said");
    let form = open(&app, NAME, &cookie).await;
    assert!(form.text().contains("value=\"&lt;b&gt;Ada\""), "{}", form.text());
}

async fn a_file_is_made_for_who_asks_and_noted(backend: Backend) {
    let app = TestApp::spawn(with_pages(backend)).await;
    let (user, _other) = (app.signed_in().await, app.signed_in().await);
    let cookie = cookie_of(&app, &user.email).await;
    let exported = format!("user.exported by {}", user.id);
    assert_page(&open(&app, DOWNLOAD, &cookie).await, 200);
    assert!(!app.audited().await.contains(&exported), "who opens the page has nothing done");
    let file = act(&app, DOWNLOAD, &[], &cookie).await;
    assert_eq!((file.status, file.header("content-type")), (200, "application/json"));
    assert_eq!(file.header("content-disposition"), "attachment; filename=\"account-data.json\"");
    assert_eq!((file.header("cache-control"), file.header("x-content-type-options")), ("no-store", "nosniff"));
    let api = app.call("GET", &format!("/users/{}/export", user.id), &user.access).await.json();
    assert_eq!((&file.json()["user"], &file.json()["sessions"]), (&api["user"], &api["sessions"]));
    assert_eq!(app.audited().await.iter().filter(|entry| **entry == exported).count(), 2);
    assert_never_told(&app, &[crate::visit::secret_of(&cookie)]).await;
}

async fn who_does_not_know_the_password_deletes_nothing(backend: Backend) {
    let app = TestApp::spawn(with_pages(backend)).await;
    let user = app.signed_in().await;
    let cookie = cookie_of(&app, &user.email).await;
    for (form, status) in [
        (&[("password", "wrong horse battery")][..], 403),
        (&[("password", "")], 422),
        (&[], 422),
        (&[("id", user.id.as_str())], 422),
    ] {
        let refused = act(&app, DELETE, form, &cookie).await;
        assert_page(&refused, status);
        assert!(refused.text().contains("id=\"password-fault\">"), "{}", refused.text());
    }
    assert_eq!(open(&app, "/account/", &cookie).await.status, 200);
    let gone = act(&app, DELETE, &[("password", PASSWORD)], &cookie).await;
    assert_eq!((gone.status, gone.header("location")), (303, "/account/sign-in?news=deleted"));
    assert!(gone.header("set-cookie").contains("Max-Age=0"), "{gone:?}");
    assert_led_to_sign_in(&open(&app, "/account/", &cookie).await);
    assert_eq!(app.audited().await.last().unwrap(), &format!("user.erased by {}", user.id));
}

async fn an_admin_stays(backend: Backend) {
    let app = TestApp::spawn(with_pages(backend)).await;
    let user = app.signed_in().await;
    let cookie = cookie_of(&app, &user.email).await;
    app.database.execute("UPDATE users SET role = 'admin'").await;
    let page = open(&app, DELETE, &cookie).await;
    assert_page(&page, 200);
    assert!(page.text().contains("once another admin has taken that role away"), "{}", page.text());
    assert!(!page.text().contains("<form"), "{}", page.text());
    let refused = act(&app, DELETE, &[("password", PASSWORD)], &cookie).await;
    assert_page(&refused, 403);
    assert!(refused.text().contains("once another admin") && !refused.text().contains("Another site"));
    assert_eq!(app.call("GET", "/auth/me", &user.access).await.status, 200);
}
