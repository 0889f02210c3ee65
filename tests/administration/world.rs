//! A database with users, and what there is of them.

use std::ops::Deref;

use neodyme::accounts::Actor;
use neodyme::accounts::audit::{self, AuditEntry, AuditFilter};
use neodyme::accounts::topics::WELCOME_EMAIL;
use neodyme::accounts::users::User;
use neodyme::outbox::{NewJob, Payload};
use neodyme::values::Origin;
use serde_json::json;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::common::database::Backend;
use crate::common::rows::Rows;
use crate::fixture::{Storage, insert, user};

pub struct World(Storage);

impl Deref for World {
    type Target = Storage;

    fn deref(&self) -> &Storage {
        &self.0
    }
}

impl World {
    pub async fn new(backend: Backend) -> World {
        World(Storage::migrated(backend).await)
    }

    /// A user of whom nothing else is known.
    pub async fn user(&self, email: &str) -> User {
        self.add(user(email)).await
    }

    pub async fn add(&self, user: User) -> User {
        insert(&self.db, Rows { users: vec![user.clone()], ..Rows::default() }).await.unwrap();
        neodyme::accounts::users::find(&self.db, user.id).await.unwrap().unwrap()
    }

    /// Somebody who calls from somewhere.
    pub fn actor(&self, id: Uuid) -> Actor {
        let origin = Origin {
            request_id: "request-1".into(),
            trace_id: String::new(),
            traceparent: String::new(),
            client_ip: Some([192, 0, 2, 7].into()),
        };
        Actor::user(id, origin)
    }

    pub async fn trail_of(&self, user_id: Uuid) -> Vec<AuditEntry> {
        let filter = AuditFilter { user_id: Some(user_id), ..AuditFilter::default() };
        audit::list(&self.db, &filter, 100).await.unwrap()
    }

    /// A session with a token.
    pub async fn sign_in(&self, user_id: Uuid) -> Uuid {
        let id = Uuid::now_v7();
        let (session, user, hash) =
            (self.bytes(id.as_bytes()), self.bytes(user_id.as_bytes()), [id, id].map(Uuid::into_bytes).concat());
        let (from, to) = (self.time(-60), self.time(3600));
        self.execute(&format!(
            "INSERT INTO sessions (id, user_id, created_at, last_used_at, expires_at, client_ip, user_agent)
             VALUES ({session}, {user}, {from}, {from}, {to}, '192.0.2.1', 'Firefox/140');
             INSERT INTO refresh_tokens (token_hash, session_id, created_at, expires_at)
             VALUES ({}, {session}, {from}, {to})",
            self.blob(&hash),
        ))
        .await;
        id
    }

    /// What a service knows of a user after a while: a session, wrong passwords, the key of the registration, a code for a new
    /// address, a job that waits, entries of the trail by nobody, by the user and by somebody else.
    pub async fn live(&self, user: &User) {
        self.sign_in(user.id).await;
        let (id, at) = (self.bytes(user.id.as_bytes()), self.time(-60));
        let hash = self.blob(&[user.id, user.id].map(Uuid::into_bytes).concat());
        self.execute(&format!(
            "INSERT INTO login_failures (address_hash, user_id, failures, last_failed_at) VALUES ({hash}, {id}, 3, {at});
             INSERT INTO registration_keys (key_hash, fingerprint, user_id, created_at) VALUES ({hash}, {hash}, {id}, {at});
             INSERT INTO one_time_codes (code_hash, purpose, user_id, email, email_key, created_at, expires_at)
             VALUES ({hash}, 'change_email', {id}, 'Lovelace@example.com', 'lovelace@example.com', {at}, {})",
            self.time(3600),
        ))
        .await;
        let entry = |actor: &str, user_id, ip: &str| AuditEntry {
            id: Uuid::now_v7(),
            occurred_at: OffsetDateTime::now_utc(),
            action: "user.something".into(),
            actor: actor.into(),
            user_id: Some(user_id),
            client_ip: Some(ip.into()),
            request_id: "request-0".into(),
            trace_id: String::new(),
            details: json!({}),
        };
        let oneself = user.id.to_string();
        let audit = vec![
            entry("anonymous", user.id, "192.0.2.1"),
            entry(&oneself, user.id, "192.0.2.1"),
            entry(&Uuid::now_v7().to_string(), user.id, "192.0.2.99"),
        ];
        insert(&self.db, Rows { audit, jobs: vec![job(user)], ..Rows::default() }).await.unwrap();
    }

    /// The columns of a table.
    pub async fn columns(&self, table: &str) -> Vec<String> {
        let statement = match self.is_sqlite() {
            true => format!("SELECT name AS text FROM pragma_table_info('{table}')"),
            false => {
                format!("SELECT attname::text FROM pg_attribute WHERE attrelid = '{table}'::regclass AND attnum > 0")
            }
        };
        self.database.texts(&statement).await
    }

    fn is_sqlite(&self) -> bool {
        self.db.backend() == "sqlite"
    }

    fn bytes(&self, id: &[u8]) -> String {
        if self.is_sqlite() { self.blob(id) } else { format!("'{}'", Uuid::from_slice(id).unwrap()) }
    }

    fn blob(&self, bytes: &[u8]) -> String {
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        if self.is_sqlite() { format!("x'{hex}'") } else { format!("'\\x{hex}'") }
    }

    /// So many seconds from now.
    fn time(&self, seconds: i64) -> String {
        match self.is_sqlite() {
            true => ((OffsetDateTime::now_utc().unix_timestamp() + seconds) * 1_000_000).to_string(),
            false => format!("now() + interval '{seconds} seconds'"),
        }
    }
}

pub fn job(user: &User) -> NewJob {
    NewJob {
        id: Uuid::now_v7(),
        topic: WELCOME_EMAIL,
        payload: Payload::new(json!({ "email": user.email.expose(), "full_name": user.full_name.expose() })),
        user_id: Some(user.id),
        request_id: "request-0".into(),
        traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".into(),
        created_at: OffsetDateTime::now_utc(),
    }
}
