//! A person and a browser: from signing up, through the mail, to signing out.

use serde_json::json;

use crate::common::app::fresh_email;
use crate::common::database::Backend;
use crate::common::scrape::metric;
use crate::common::users::PASSWORD;
use crate::{NEW, app_and_sink, assert_says, drive, link_in_mail, on_both_databases};

on_both_databases!(a_person_signs_up_verifies_signs_in_and_out);

async fn a_person_signs_up_verifies_signs_in_and_out(backend: Backend) {
    let (app, sink) = app_and_sink(backend).await;
    let (email, url) = (fresh_email(), app.api_url() + "/account/");
    let filled = json!({ "email": email, "full_name": "Ada Lovelace", "password": "short" });
    let seen = drive(json!([
        { "goto": format!("{url}sign-in"), "press": "a[href='sign-up']" },
        { "fill": filled, "press": "button" },
        { "fill": { "password": PASSWORD }, "press": "button" },
    ]))
    .await;
    assert_says(&seen[0], "Sign up");
    assert_says(&seen[0], "At least 15 characters, such as a few words");
    assert_says(&seen[1], "It must have at least 15 characters");
    assert_says(&seen[2], &format!("We have sent an email to {email}."));

    let link = link_in_mail(&app, &sink, &email, "Welcome").await;
    let seen = drive(json!([
        { "goto": link, "press": "button" },
        { "press": "a[href='sign-in']" },
        { "fill": { "email": email, "password": NEW }, "press": "button" },
        { "fill": { "password": PASSWORD }, "press": "button" },
        { "tab": "other", "goto": url },
        { "tab": "other", "goto": url },
        { "press": "a[href='change-password']" },
        { "fill": { "current_password": PASSWORD, "new_password": NEW }, "press": "button" },
        { "tab": "other", "goto": url },
        { "press": "a" },
        { "press": "form[action='sign-out'] button" },
        { "tab": "other", "goto": url },
    ]))
    .await;
    assert_says(&seen[0], "Your address is verified.");
    assert_says(&seen[2], "The email address or the password is wrong.");
    for signed_in in [3, 4, 5, 8, 9] {
        assert_says(&seen[signed_in], "You are signed in as Ada Lovelace");
        assert_says(&seen[signed_in], "Your address is verified.");
        assert_eq!(seen[signed_in]["url"], url);
        assert_eq!(seen[signed_in]["cookies"], "", "no script can read the cookie");
        assert_eq!(seen[signed_in]["width"], "416px", "the style is applied");
    }
    assert_says(&seen[3], "Chrome on Linux (this one)");
    assert_says(&seen[7], "Your password is changed.");
    assert_eq!(seen[10]["url"], format!("{url}sign-in?news=signed-out"));
    assert_says(&seen[10], "You are signed out.");
    assert_eq!(seen[11]["url"], format!("{url}sign-in"), "the other tab has the same cookie, which is gone");
    assert_eq!(app.login(&email, NEW).await.status, 200);
    metric("neodyme_errors_total").label("error_type", "SECURITY_VIOLATION").value(0.0).assert_in(&app).await;
}
