//! A page of users, wherever it begins and however many users there are.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use anyhow::anyhow;
use futures_util::FutureExt;
use neodyme::accounts::users::{Role, User};
use neodyme::config::{Config, Sources};
use neodyme::password::HashPool;
use neodyme::store::Db;
use neodyme::telemetry::metrics;
use neodyme::values::Password;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::accounts::{PASSWORD, sign_in};
use crate::client;
use crate::load::{Asker, drive};
use crate::options::Options;
use crate::report::Row;
use crate::service::{self, Service};
use crate::turns::Pairs;

/// So many users are few.
const FEW: usize = 10_000;
const BATCH: usize = 5_000;
/// Who may see the others.
const ADMIN: &str = "admin@example.com";

/// Measures pages of 50 on two databases in turn, of which one has a hundred times as many users: the first page, and one from
/// the middle.
pub async fn measure(options: &Options) -> anyhow::Result<Vec<Row>> {
    let (few, many) = (Book::open(FEW).await?, Book::open(options.users()).await?);
    let [mut first, mut middle] = [Pairs::default(), Pairs::default()];
    for _ in 0..options.rounds() {
        first.add(many.latencies("", options).await?, few.latencies("", options).await?);
        let [of_many, of_few] = [&many, &few].map(|book| format!("&after={}", book.middle));
        middle.add(many.latencies(&of_many, options).await?, few.latencies(&of_few, options).await?);
    }
    let times = options.users() / FEW;
    Ok(vec![
        first.row(0.5, &format!("first page of users, {times} times as many: p50")).at_most(1.5),
        middle.row(0.5, &format!("a page from the middle, {times} times as many: p50")).at_most(1.5),
    ])
}

/// A service with so many users.
struct Book {
    service: Service,
    middle: Uuid,
    token: String,
    _folder: tempfile::TempDir,
}

impl Book {
    async fn open(users: usize) -> anyhow::Result<Book> {
        let folder = service::folder()?;
        eprintln!("  inserting {users} users");
        let middle = seed(folder.path(), users).await?;
        let service = Service::start(folder.path(), &service::sqlite_url(folder.path())).await?;
        let token = sign_in(service.api, ADMIN).await?.access;
        Ok(Book { service, middle, token, _folder: folder })
    }

    /// Those of one client that reads the same page again and again.
    async fn latencies(&self, query: &str, options: &Options) -> anyhow::Result<Vec<f64>> {
        let token = format!("Authorization: Bearer {}\r\n", self.token);
        let page = client::get(&format!("/users/?limit=50{query}"), &token);
        let slice = drive(Asker::open(self.service.api, &page, 1).await?, options.slice() / 2).await?;
        self.service.forget_log()?;
        Ok(slice.latencies)
    }
}

/// Puts the users into a new database. Returns the one in the middle.
async fn seed(folder: &Path, users: usize) -> anyhow::Result<Uuid> {
    metrics::init();
    let environment = vec![("NEODYME_DATABASE_URL".into(), service::sqlite_url(folder).into())];
    let config = Config::load(&Sources { environment, ..Sources::default() })?;
    let db = Db::connect(&config.database).await?;
    db.migrate().await?;
    let password = Password::parse(PASSWORD).map_err(|fault| anyhow!("{}", fault.message))?;
    let pool = HashPool::start(&config.password)?;
    let hash = pool.hash(IpAddr::V4(Ipv4Addr::LOCALHOST).into(), password).await?.expose().to_owned();
    let mut middle = insert(&db, vec![user(ADMIN.to_owned(), &hash, Role::Admin)]).await?;
    for begin in (0..users).step_by(BATCH) {
        let batch = begin..users.min(begin + BATCH);
        let is_before_middle = begin + BATCH <= users / 2;
        let batch = batch.map(|number| user(format!("user{number}@example.com"), &hash, Role::User)).collect();
        let last = insert(&db, batch).await?;
        middle = if is_before_middle { last } else { middle };
    }
    Ok(middle)
}

/// Inserts users. Returns the last one.
async fn insert(db: &Db, users: Vec<User>) -> anyhow::Result<Uuid> {
    let last = users.last().map(|user| user.id).unwrap_or_default();
    db.transaction(move |tx| {
        users.into_iter().for_each(|user| tx.insert(user));
        async { Ok(()) }.boxed()
    })
    .await?;
    Ok(last)
}

fn user(email: String, hash: &str, role: Role) -> User {
    let now = OffsetDateTime::now_utc();
    User {
        id: Uuid::now_v7(),
        email_key: email.clone().into(),
        email: email.into(),
        full_name: "Ada Lovelace".into(),
        password_hash: hash.into(),
        is_active: true,
        created_at: now,
        updated_at: now,
        email_verified_at: None,
        role,
        locale: None,
    }
}
