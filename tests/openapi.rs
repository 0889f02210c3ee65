//! The OpenAPI documents are true: what is served has the statuses and the forms that they say.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends by panicking")]

mod common;

use common::app::{AppOptions, TestApp, fresh_email, user};
use common::database::Backend;
use common::http::Answer;
use serde_json::{Value, json};

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// The document of a listener, as it is served and as it is printed.
async fn document(app: &TestApp, base: &str, listener: &str) -> Value {
    let answer = Answer::to(app.client.get(format!("{base}/openapi.json")).bearer_auth(TOKEN)).await.unwrap();
    assert_eq!(answer.status, 200);
    let folder = tempfile::tempdir().unwrap();
    let printed = AppOptions::bare().run(&["openapi", "--listener", listener], folder.path());
    let printed: Value = serde_json::from_slice(&printed.stdout).unwrap();
    assert_eq!(serde_json::from_str::<Value>(answer.text()).unwrap(), printed, "{listener}");
    printed
}

/// Fails unless the answer is one that the document knows.
fn assert_described(document: &Value, path: &str, method: &str, answer: &Answer) {
    let operation = &document["paths"][path][method];
    let response = &operation["responses"][answer.status.to_string()];
    assert!(response.is_object(), "{method} {path}: {} is not among its statuses", answer.status);
    let media_type = answer.header("content-type").split(';').next().unwrap().to_owned();
    let content = &response["content"][&media_type];
    assert!(content.is_object(), "{method} {path}: {media_type} is not what {} has", answer.status);
    if let Some(schema) = content.get("schema") {
        let whole = json!({ "allOf": [schema], "components": document["components"] });
        let validator = jsonschema::validator_for(&whole).unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        let body: Value = serde_json::from_str(answer.text()).unwrap();
        let errors: Vec<_> = validator.iter_errors(&body).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{method} {path}: {errors:?} in {body}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_endpoint_answers_as_its_document_says() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite).set("ops_token", TOKEN)).await;
    for (base, listener) in [(app.api_url(), "api"), (app.ops_url(), "operations")] {
        let document = document(&app, &base, listener).await;
        for (path, methods) in document["paths"].as_object().unwrap() {
            if methods.get("get").is_some() {
                let answer = Answer::to(app.client.get(format!("{base}{path}")).bearer_auth(TOKEN)).await.unwrap();
                assert_described(&document, path, "get", &answer);
                let stranger = Answer::to(app.client.get(format!("{base}{path}"))).await.unwrap();
                assert_described(&document, path, "get", &stranger);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registration_is_answered_as_the_document_says() {
    let app = TestApp::spawn(AppOptions::on(Backend::Sqlite)).await;
    let document = document(&app, &app.api_url(), "api").await;
    let (url, email) = (format!("{}/users/", app.api_url()), fresh_email());
    let post = |body: String| app.client.post(&url).header("content-type", "application/json").body(body);
    let good = user(&email).to_string();
    for (body, status) in [(good.clone(), 201), (good, 409), ("{".into(), 400), (json!({ "x": 1 }).to_string(), 422)] {
        let answer = Answer::to(post(body)).await.unwrap();
        assert_eq!(answer.status, status);
        assert_described(&document, "/users/", "post", &answer);
    }
    let answer = Answer::to(app.client.post(&url).body("{}")).await.unwrap();
    assert_described(&document, "/users/", "post", &answer);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_too_often_is_answered_as_the_document_says() {
    let options = AppOptions::on(Backend::Sqlite).set("http_requests_per_client", 1).set("http_requests_period", "1h");
    let app = TestApp::spawn(options).await;
    let document = neodyme::operations::document(neodyme::operations::Listener::Api);
    app.get("/health/live").await;
    for path in ["/health/", "/health/live", "/health/ready", "/.well-known/jwks.json", "/openapi.json"] {
        let answer = app.get(path).await;
        assert_eq!(answer.status, 429, "{path}");
        assert_described(&document, path, "get", &answer);
    }
}

/// What is wrong with a head does not ask for whom it is.
#[test]
fn a_head_that_cannot_be_read_is_described_everywhere() {
    for listener in [neodyme::operations::Listener::Api, neodyme::operations::Listener::Operations] {
        let document = neodyme::operations::document(listener);
        for (path, methods) in document["paths"].as_object().unwrap() {
            for (method, operation) in methods.as_object().unwrap() {
                for status in ["400", "414", "431"] {
                    let said = operation["responses"][status]["description"].as_str().unwrap_or_default();
                    assert!(said.contains("`MALFORMED_REQUEST`"), "{method} {path}: {status}");
                }
            }
        }
    }
}

#[test]
fn a_wrong_password_is_401_where_it_lets_in_and_403_where_a_token_does() {
    let document = neodyme::operations::document(neodyme::operations::Listener::Api);
    let is_said = |path: &str, method: &str, status: &str| {
        let said = document["paths"][path][method]["responses"][status]["description"].as_str().unwrap();
        said.contains("`INVALID_CREDENTIALS`")
    };
    for (path, method, is_let_in) in
        [("/auth/login", "post", false), ("/auth/password", "post", true), ("/users/{id}", "delete", true)]
    {
        assert_eq!([is_said(path, method, "401"), is_said(path, method, "403")], [!is_let_in, is_let_in], "{path}");
    }
}

/// What the code accepts and refuses is what the schema does.
#[test]
fn the_schema_of_a_body_is_the_form_that_is_read() {
    use neodyme::accounts::registration::Registration;
    use neodyme::config::{Config, Sources};
    use neodyme::password_policy::PasswordPolicy;
    let document = neodyme::operations::document(neodyme::operations::Listener::Api);
    let schema = &document["paths"]["/users/"]["post"]["requestBody"]["content"]["application/json"]["schema"];
    let whole = json!({ "allOf": [schema], "components": document["components"] });
    let validator = jsonschema::validator_for(&whole).unwrap();
    let good = json!({ "email": "ada@example.com", "full_name": "Ada", "password": "correct horse battery" });
    let policy = PasswordPolicy::new(&Config::load(&Sources::default()).unwrap());
    let is_read = |body: &Value| Registration::parse(body.to_string().as_bytes(), &policy).is_ok();
    assert!(validator.is_valid(&good) && is_read(&good));
    for (field, value) in [
        ("email", json!(7)),
        ("full_name", json!("")),
        ("password", json!("fourteen chars")),
        ("password", json!("p q r ".repeat(22))),
        ("password", Value::Null),
        ("locale", json!("German")),
        ("locale", json!("de-AT-")),
        ("locale", json!("de-1996".repeat(6))),
        ("locale", Value::Null),
        ("more", json!(1)),
    ] {
        let mut body = good.clone();
        body[field] = value;
        assert_eq!((validator.is_valid(&body), is_read(&body)), (false, false), "{body}");
    }
    for field in ["email", "full_name", "password"] {
        let mut body = good.clone();
        body.as_object_mut().unwrap().remove(field);
        assert!(!validator.is_valid(&body), "{body}");
    }
}

#[test]
fn a_language_can_be_taken_away_and_nothing_else() {
    let document = neodyme::operations::document(neodyme::operations::Listener::Api);
    let schema = &document["paths"]["/users/{id}"]["patch"]["requestBody"]["content"]["application/json"]["schema"];
    let whole = json!({ "allOf": [schema], "components": document["components"] });
    let validator = jsonschema::validator_for(&whole).unwrap();
    for (body, is_valid) in [
        (json!({}), true),
        (json!({ "locale": "de" }), true),
        (json!({ "locale": null }), true),
        (json!({ "locale": "German" }), false),
        (json!({ "full_name": null }), false),
        (json!({ "role": null }), false),
        (json!({ "is_active": null }), false),
    ] {
        assert_eq!(validator.is_valid(&body), is_valid, "{body}");
    }
}

/// What is sent always has its members, as `null` at least; what is taken need not.
#[test]
fn what_is_always_there_is_required() {
    let document = neodyme::operations::document(neodyme::operations::Listener::Api);
    let schemas = &document["components"]["schemas"];
    let required = |name: &str| {
        let required = schemas[name]["required"].as_array().cloned().unwrap_or_default();
        required.iter().map(|name| name.as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    for member in ["email_verified_at", "locale"] {
        assert!(required("Profile").iter().any(|name| name == member), "{member}");
        let types = &schemas["Profile"]["properties"][member]["type"];
        assert_eq!(types, &json!(["string", "null"]), "{member}");
    }
    assert_eq!(required("ChangeBody"), [""; 0]);
    assert_eq!(required("Registration"), ["email", "full_name", "password"]);
    for event in ["user.registered", "user.verified", "user.updated", "user.deactivated"] {
        let body = &document["webhooks"][event]["post"]["requestBody"]["content"]["application/json"]["schema"];
        assert_eq!(body["properties"]["data"]["$ref"], "#/components/schemas/Profile", "{event}");
    }
    for (event, described) in document["webhooks"].as_object().unwrap() {
        let headers = described["post"]["parameters"].as_array().unwrap().iter();
        let headers: Vec<_> = headers.filter(|header| header["in"] == "header" && header["required"] == true).collect();
        let names: Vec<_> = headers.iter().map(|header| header["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["webhook-id", "webhook-timestamp", "webhook-signature"], "{event}");
    }
}
