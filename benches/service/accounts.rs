//! What users do who are signed in: sign-ins and refreshes beside registrations and hashes alone, and a request with a token beside
//! one that needs none.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use anyhow::{Context, ensure};
use load_generator::Caller;
use serde_json::Value;

use crate::client::{self, Connection};
use crate::hashing::Hashing;
use crate::load::{Asker, CLIENTS, drive, register};
use crate::options::Options;
use crate::report::Row;
use crate::service::{self, Service};
use crate::stats::median;
use crate::turns::Turns;

/// Connections of the requests that hash nothing.
const CONNECTIONS: usize = 32;
/// The password of all users here.
pub const PASSWORD: &str = "correct horse battery staple";

/// Measures on SQLite: each kind in turn with the others, and with hashes alone.
pub async fn measure(options: &Options) -> anyhow::Result<Vec<Row>> {
    let folder = service::folder()?;
    let service = Service::start(folder.path(), &service::sqlite_url(folder.path())).await?;
    let mut rows = signing_in(&service, options).await?;
    rows.push(reading(&service, options).await?);
    Ok(rows)
}

async fn signing_in(service: &Service, options: &Options) -> anyhow::Result<Vec<Row>> {
    const KINDS: [&str; 3] = ["registrations", "sign-ins", "refreshes"];
    let (numbers, hashing) = (Arc::new(AtomicU64::new(0)), Hashing::start()?);
    let mut members = Vec::with_capacity(CLIENTS);
    for number in 0..CLIENTS {
        members.push(member(service.api, number).await?);
    }
    let mut turns = Turns::default();
    turns.add_reference(hashing.run(options.slice()).await?.rate);
    for _ in 0..options.rounds() {
        for kind in KINDS {
            let slice = match kind {
                "registrations" => register(service.api, &numbers, options.slice()).await?,
                "sign-ins" => drive(signers(service.api, &members).await?, options.slice()).await?,
                _ => drive(refreshers(service.api, &members).await?, options.slice()).await?,
            };
            turns.add(kind, slice.rate);
            turns.add_reference(hashing.run(options.slice()).await?.rate);
        }
        let [registrations, sign_ins, refreshes] = KINDS.map(|kind| median(&turns.values(kind)));
        eprintln!("  {registrations:.0} registrations, {sign_ins:.0} sign-ins, {refreshes:.0} refreshes/s");
        service.forget_log()?;
    }
    let registrations = median(&turns.values("registrations"));
    let beside_registrations = |kind, title| {
        Row::new(title, "1/s", median(&turns.values(kind))).over(registrations).samples(turns.values(kind))
    };
    Ok(vec![
        turns.row("sign-ins", "sign-ins on SQLite, hashes alone", "1/s"),
        beside_registrations("sign-ins", "sign-ins on SQLite, registrations"),
        turns.row("refreshes", "refreshes on SQLite, hashes alone", "1/s"),
        beside_registrations("refreshes", "refreshes on SQLite, registrations"),
    ])
}

/// `GET /auth/me`, which asks the database whether the session goes on.
async fn reading(service: &Service, options: &Options) -> anyhow::Result<Row> {
    let token = sign_in(service.api, &member(service.api, CLIENTS).await?).await?.access;
    let me = client::get("/auth/me", &format!("Authorization: Bearer {token}\r\n"));
    let health = client::get("/health/", "");
    let rate = async |request: &[u8]| {
        let askers = Asker::open(service.api, request, CONNECTIONS).await?;
        anyhow::Ok(drive(askers, options.slice()).await?.rate)
    };
    let mut turns = Turns::default();
    turns.add_reference(rate(&health).await?);
    for _ in 0..options.rounds() {
        turns.add("me", rate(&me).await?);
        turns.add_reference(rate(&health).await?);
        service.forget_log()?;
    }
    Ok(turns.row("me", "GET /auth/me with a token, GET /health/", "requests/s"))
}

/// What a sign-in gives.
pub struct Tokens {
    /// For the header.
    pub access: String,
    refresh: String,
}

/// Registers a user, and returns the address.
async fn member(api: SocketAddr, number: usize) -> anyhow::Result<String> {
    let email = format!("member{number}@example.com");
    let body = format!(r#"{{"email":"{email}","full_name":"Member","password":"{PASSWORD}"}}"#);
    let status = Connection::open(api).await?.call(&client::post("/users/", &body)).await?;
    ensure!(status == 201, "a registration is answered with {status}");
    Ok(email)
}

/// Signs a user in.
pub async fn sign_in(api: SocketAddr, email: &str) -> anyhow::Result<Tokens> {
    let mut connection = Connection::open(api).await?;
    let status = connection.call(&login(email)).await?;
    ensure!(status == 200, "a sign-in is answered with {status}");
    tokens(connection.body())
}

fn login(email: &str) -> Vec<u8> {
    client::post("/auth/login", &format!(r#"{{"email":"{email}","password":"{PASSWORD}"}}"#))
}

fn tokens(body: &[u8]) -> anyhow::Result<Tokens> {
    let body: Value = serde_json::from_slice(body)?;
    let text = |name: &str| body[name].as_str().map(str::to_owned).with_context(|| format!("no {name}"));
    Ok(Tokens { access: text("access_token")?, refresh: text("refresh_token")? })
}

/// A client for each user, who signs in again and again.
async fn signers(api: SocketAddr, emails: &[String]) -> anyhow::Result<Vec<Asker>> {
    let mut signers = Vec::with_capacity(emails.len());
    for email in emails {
        signers.extend(Asker::open(api, &login(email), 1).await?);
    }
    Ok(signers)
}

/// A client for each user, who goes on with one session.
async fn refreshers(api: SocketAddr, emails: &[String]) -> anyhow::Result<Vec<Refresher>> {
    let mut refreshers = Vec::with_capacity(emails.len());
    for email in emails {
        let token = sign_in(api, email).await?.refresh;
        refreshers.push(Refresher { connection: Connection::open(api).await?, token });
    }
    Ok(refreshers)
}

struct Refresher {
    connection: Connection,
    token: String,
}

impl Caller for Refresher {
    type Outcome = ();

    async fn call(&mut self) -> anyhow::Result<()> {
        let body = format!(r#"{{"refresh_token":"{}"}}"#, self.token);
        let status = self.connection.call(&client::post("/auth/refresh", &body)).await?;
        ensure!(status == 200, "status {status}: {}", String::from_utf8_lossy(self.connection.body()));
        self.token = tokens(self.connection.body())?.refresh;
        Ok(())
    }
}
