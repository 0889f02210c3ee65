//! Users who sign in to an app under test.

use serde_json::{Value, json};

use super::app::{TestApp, fresh_email, user};
use super::http::Answer;

/// The password of every user that [`user`] makes.
pub const PASSWORD: &str = "correct horse battery";

/// A user who is signed in.
#[derive(Clone, Debug)]
pub struct SignedIn {
    pub id: String,
    pub email: String,
    pub access: String,
    pub refresh: String,
}

impl SignedIn {
    /// What a sign-in, or a refresh of this one, gave.
    pub fn with(&self, tokens: &Value) -> SignedIn {
        let text = |name: &str| tokens[name].as_str().unwrap_or_else(|| panic!("no {name} in {tokens}")).to_owned();
        SignedIn { access: text("access_token"), refresh: text("refresh_token"), ..self.clone() }
    }
}

impl TestApp {
    /// A request with an access token.
    pub async fn call(&self, method: &str, path: &str, token: &str) -> Answer {
        Answer::to(self.request(method, path).bearer_auth(token)).await.unwrap()
    }

    /// A sign-in.
    pub async fn login(&self, email: &str, password: &str) -> Answer {
        let body = json!({ "email": email, "password": password });
        Answer::to(self.request("POST", "/auth/login").json(&body)).await.unwrap()
    }

    /// A refresh.
    pub async fn refresh(&self, token: &str) -> Answer {
        let body = json!({ "refresh_token": token });
        Answer::to(self.request("POST", "/auth/refresh").json(&body)).await.unwrap()
    }

    /// A new user, signed in.
    pub async fn signed_in(&self) -> SignedIn {
        let email = fresh_email();
        let registered = self.post(&user(&email)).await;
        assert_eq!(registered.status, 201, "{}", registered.text());
        self.sign_in(&email).await
    }

    /// Signs a user in that is there.
    pub async fn sign_in(&self, email: &str) -> SignedIn {
        let answer = self.login(email, PASSWORD).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let body = answer.json();
        let id = body["user"]["id"].as_str().unwrap().to_owned();
        SignedIn { id, email: email.to_owned(), access: String::new(), refresh: String::new() }.with(&body)
    }

    /// The audit trail's actions, the first one first.
    pub async fn audited(&self) -> Vec<String> {
        self.database.texts("SELECT action || ' by ' || actor AS text FROM audit_log ORDER BY id").await
    }
}
