//! The life of the service, from the first line to the last.

mod service_manager;
mod shared_keys;
mod signals;
mod user_hash_key;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde_json::json;
use slog::Logger;
use tokio::net::TcpListener;

use self::shared_keys::login_key;
use self::user_hash_key::user_hash_key;
use crate::accounts::codes::Issuer;
use crate::accounts::{audit, topics, webhooks};
use crate::analytics::Analytics;
use crate::breaches::Breaches;
use crate::clock;
use crate::config::{Config, DatabaseConfig, DatabaseUrl, HttpConfig};
use crate::error::{DbErrorKind, Error};
use crate::health::{Health, Probes};
use crate::http::{Guard, Limit, Router, Service};
use crate::lifecycle::{Lifecycle, Phase};
use crate::limits::Limits;
use crate::mail::Mailer;
use crate::outbox::Outbox;
use crate::password::HashPool;
use crate::password_policy::PasswordPolicy;
use crate::redaction::mask_secrets;
use crate::server::Server;
use crate::state::App;
use crate::store::Db;
use crate::telemetry::history::History;
use crate::telemetry::logging::{Exception, LoggerName, Loggers, Logging, TemporaryLevels, context, crit, info, warn};
use crate::telemetry::{errors, metrics};
use crate::values::timestamp::{millis, rfc3339};
use crate::{accounts, build, operations};

/// How long the last lines may take to be written: a stalled reader of standard output must not hold up the exit.
const LAST_LINES: Duration = Duration::from_secs(2);
/// Between two tries to reach the database at the start.
const DATABASE_RETRY: Duration = Duration::from_millis(500);

/// Requests at once on one HTTP/2 connection: a proxy brings many clients on one, a scraper is alone and its answers are large.
const API_STREAMS: u32 = 100;
const OPS_STREAMS: u32 = 20;

/// Runs the service until it is told to stop.
///
/// # Errors
/// Whatever keeps it from serving: too little memory, an address in use, a database that cannot be reached or is not ours.
pub fn run(config: Config) -> anyhow::Result<()> {
    let began = Instant::now();
    // Before the log, which takes a thread and memory.
    let limits = Limits::secure(&config)?;
    metrics::mark_start();
    metrics::init();
    errors::recorder();
    let logging = Logging::start(&config.log);
    let loggers = logging.loggers();
    log_panics(loggers.get(LoggerName::App).clone());
    let served = run_within(limits, config, &loggers, began);
    match &served {
        Ok(()) => info!(loggers.get(LoggerName::App), "Stopped"),
        Err(error) => {
            let cause: &(dyn std::error::Error + 'static) = error.as_ref();
            crit!(loggers.get(LoggerName::App), "The service cannot run"; "exception" => Exception::of(cause));
        }
    }
    logging.finish(LAST_LINES);
    served
}

/// Starts the async runtime, and serves until it ends.
fn run_within(limits: Limits, config: Config, loggers: &Loggers, began: Instant) -> anyhow::Result<()> {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.enable_all().worker_threads(limits.threads.runtime).max_blocking_threads(limits.threads.blocking);
    let runtime = runtime.build().context("start the async runtime")?;
    let served = runtime.block_on(serve(config, limits, loggers.clone(), began));
    runtime.shutdown_timeout(Duration::from_secs(1));
    served
}

async fn serve(config: Config, limits: Limits, loggers: Loggers, began: Instant) -> anyhow::Result<()> {
    let log = loggers.get(LoggerName::App).clone();
    // Before the first line: it may be written to a file that must not grow.
    signals::ignore(log.clone())?;
    info!(log, "Starting"; "context" => context(json!({
        "version": build::INFO.version, "revision": build::INFO.revision, "environment": config.environment,
        "pid": std::process::id(),
    })));
    limits.descriptors.tell(&log);
    for warning in config.warnings() {
        warn!(log, "{}", warning.message; "context" => context(json!({ "remedy": warning.remedy })));
    }
    let lifecycle = Lifecycle::default();
    signals::watch(lifecycle.clone(), config.shutdown.delay, log.clone())?;
    let (mailer, analytics, breaches) = open_services(&config, &log)?;
    let pages = accounts::page_templates(&config).context("prepare the pages")?;
    let api = bind("api_listen", config.api_listen).await?;
    let ops = bind("ops_listen", config.ops_listen).await?;
    let Some(db) = open_database(&config, &lifecycle, &log).await? else { return Ok(()) };
    let webhooks =
        webhooks::topics(&config.webhook, &db).map_err(anyhow::Error::from_boxed).context("prepare the webhooks")?;
    let login_key = login_key(&db, &log).await.context("read the key of failed sign-ins")?;
    let issuer = Issuer::new(db.clone(), config.codes.clone(), login_key, loggers.clone());
    let delivered = topics::delivered_by(&mailer, &issuer, analytics.as_ref(), webhooks);
    let outbox = Arc::new(Outbox::new(delivered, topics::unused(&config.webhook)));
    hold_clock_against(&db, &log).await?;
    metrics::init_error_users(user_hash_key(&config, &db, &log).await?);
    let keyring = accounts::keys::open(&config.sign_in, &db, &log).await?;
    let hash_pool = HashPool::start(&config.password).context("start the password hash workers")?;
    let health = Arc::new(Health::new(&config, Probes::new(&db, accounts::rehearse, &mailer, analytics.as_ref())));
    let checking = Arc::clone(&health).run(loggers.get(LoggerName::Health).clone());
    let (life, log_levels) = (lifecycle.clone(), TemporaryLevels::new(loggers.clone()));
    let app = Arc::new(App {
        password_policy: PasswordPolicy::new(&config),
        breaches,
        pages,
        languages: mailer.languages().to_vec(),
        registrations: Limit::new("registrations", config.registration.per_client, config.registration.period),
        sign_ins: Limit::new("sign-ins", config.sign_in.logins_per_client, config.sign_in.logins_period),
        refreshes: Limit::new("refreshes", config.sign_in.refreshes_per_client, config.sign_in.refreshes_period),
        code_emails: Limit::new("emails with a code", config.codes.emails_per_client, config.codes.emails_period),
        login_key,
        keyring,
        config,
        db,
        outbox,
        health,
        history: History::new(metrics::totals()),
        hash_pool,
        lifecycle: life,
        loggers: loggers.clone(),
        log_levels,
        large_answers: operations::places_of_large_answers(),
    });

    let guard = Guard::new(app.config.ops_token.clone(), app.config.ops_allowed_hosts.clone());
    let api_limits = HttpConfig { max_connections: limits.descriptors.api, ..app.config.http.clone() };
    let api = server(
        &app,
        "api",
        api,
        operations::api_routes(&app.config),
        Guard::open(app.config.ops_token.clone()).with_users(Arc::new(accounts::Authority(Arc::clone(&app)))),
        api_limits,
        API_STREAMS,
    )?;
    let ops =
        server(&app, "ops", ops, operations::ops_routes(), guard, ops_limits(&app.config.http, &limits), OPS_STREAMS)?;
    let background = [
        tokio::spawn(checking),
        tokio::spawn(clock::watch(log.clone())),
        tokio::spawn(accounts::refresh_counts(Arc::clone(&app))),
        tokio::spawn(accounts::keys::refresh(Arc::clone(&app))),
        tokio::spawn(accounts::erase_unverified(Arc::clone(&app))),
        tokio::spawn(accounts::erasure::make_up_for_wipes(Arc::clone(&app))),
        tokio::spawn(accounts::prune(
            app.db.clone(),
            accounts::Retention {
                audit: app.config.outbox.audit_retention,
                most_failures: app.config.sign_in.max_failures,
            },
            loggers.get(LoggerName::Db).clone(),
        )),
        tokio::spawn(keep_history(Arc::clone(&app))),
        tokio::spawn(service_manager::keep_alive(log.clone())),
    ];
    let delivering =
        Arc::clone(&app.outbox).run(app.db.clone(), app.config.clone(), loggers.clone(), lifecycle.clone());
    let serving = (tokio::spawn(api.run()), tokio::spawn(ops.run()), tokio::spawn(delivering));
    let telling = tokio::spawn(service_manager::tell_phases(lifecycle.clone(), log.clone()));
    // Nobody is told that all is well before it is known.
    app.health.database.report().await;
    lifecycle.advance(Phase::Ready);
    let took = millis(began.elapsed());
    info!(log, "Ready"; "context" => context(json!({ "start_ms": took, "database": app.db.backend() })));

    lifecycle.reached(Phase::Closing).await;
    let finished = async { tokio::join!(serving.0, serving.1, serving.2, telling) };
    if tokio::time::timeout(app.config.shutdown.deadline, finished).await.is_err() {
        warn!(log, "Requests in flight did not finish before the deadline and were cut off");
    }
    background.iter().for_each(tokio::task::JoinHandle::abort);
    Ok(())
}

fn server(
    app: &Arc<App>,
    name: &str,
    listener: TcpListener,
    router: Router<App>,
    guard: Guard,
    limits: HttpConfig,
    max_streams: u32,
) -> anyhow::Result<Server<App>> {
    let log = app.loggers.get(LoggerName::App);
    let address = listener.local_addr()?.to_string();
    info!(log, "Listening"; "context" => context(json!({ "listener": name, "address": address })));
    let life = app.lifecycle.clone();
    let service = Service::new(Arc::clone(app), router, limits.clone(), guard, life, app.loggers.clone());
    Ok(Server::new(listener, service, limits, app.lifecycle.clone(), log.clone(), max_streams))
}

/// Operators are few, and half of their connections are kept from each of them.
fn ops_limits(http: &HttpConfig, limits: &Limits) -> HttpConfig {
    let max_connections = limits.descriptors.ops;
    let share = match http.max_connections_per_client {
        0 => max_connections,
        share => share,
    };
    HttpConfig { max_connections, max_connections_per_client: share, requests_per_client: 0, ..http.clone() }
}

async fn bind(setting: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| {
        let remedy = match error.kind() {
            io::ErrorKind::AddrInUse => ": something listens there, perhaps another neodyme; choose another port",
            io::ErrorKind::PermissionDenied => ": a port below 1024 needs CAP_NET_BIND_SERVICE; choose a higher one",
            io::ErrorKind::AddrNotAvailable => ": this machine has no such address",
            _ => "",
        };
        anyhow::Error::new(error).context(format!("cannot listen on {address} ({setting}){remedy}"))
    })
}

/// Reaches the database, waiting for a server that is still starting, and brings it up to date. `None` if the service was
/// told to stop meanwhile.
async fn open_database(config: &Config, lifecycle: &Lifecycle, log: &Logger) -> anyhow::Result<Option<Db>> {
    let deadline = Instant::now() + config.database.startup_timeout;
    loop {
        match prepare_database(&config.database, log).await {
            Ok(db) => return Ok(Some(db)),
            Err(error) if is_worth_waiting(&config.database.url, &error) && Instant::now() < deadline => {
                let cause: &(dyn std::error::Error + 'static) = error.as_ref();
                warn!(log, "The database cannot be used yet"; "exception" => Exception::of(cause));
            }
            Err(error) if error.is::<Error>() => {
                return Err(error.context(format!("open the database {}", config.database.url)));
            }
            Err(told) => return Err(told),
        }
        tokio::select! {
            () = tokio::time::sleep(DATABASE_RETRY) => {}
            () = lifecycle.reached(Phase::Draining) => return Ok(None),
        }
    }
}

async fn prepare_database(config: &DatabaseConfig, log: &Logger) -> anyhow::Result<Db> {
    let db = Db::connect(config).await?;
    if config.migrate_on_start {
        let applied = db.migrate().await.context("migrate the database")?;
        if !applied.is_empty() {
            info!(log, "Database migrated"; "context" => context(json!({ "applied": applied })));
        }
    } else {
        let pending = db.pending_migrations().await.context("look for pending migrations")?;
        anyhow::ensure!(pending.is_empty(), "migrations are pending ({}): run `neodyme migrate`", pending.join(", "));
    }
    Ok(db)
}

/// A server may be about to start, to be promoted, or to learn of its user. A file is as it is.
fn is_worth_waiting(url: &DatabaseUrl, error: &anyhow::Error) -> bool {
    use DbErrorKind::{
        Connection, ConnectionsExhausted, DiskFull, Dns, PoolExhausted, ReadOnly, Refused, Resources, Timeout, Tls,
    };
    let Some(kind) = error.downcast_ref().and_then(Error::database_kind) else { return false };
    let may_pass = matches!(
        kind,
        Connection
            | ConnectionsExhausted
            | DiskFull
            | Dns
            | PoolExhausted
            | ReadOnly
            | Refused
            | Resources
            | Timeout
            | Tls
    );
    may_pass && matches!(url, DatabaseUrl::Postgres(_))
}

/// Tells the clock what the database knows of the time.
async fn hold_clock_against(db: &Db, log: &Logger) -> anyhow::Result<()> {
    const ASK: &str = "ask the database for the time";
    db.ping().await.context(ASK)?;
    let Some(newest) = accounts::newest(db).await.context(ASK)? else { return Ok(()) };
    let before = audit::newest_before(db, newest - clock::BELIEVED_AFTER).await.context(ASK)?;
    if let Some(known) = clock::start_after(newest, before) {
        warn!(log, "The newest row is more than a day old, or came after a day without any: for an hour nothing is removed or \
                    given up by a later time"; "context" => context(json!({ "newest": rfc3339(known) })));
    }
    Ok(())
}

/// Opens the way to the services outside, and says which they are.
fn open_services(config: &Config, log: &Logger) -> anyhow::Result<(Arc<Mailer>, Option<Analytics>, Option<Breaches>)> {
    let mailer = Mailer::new(&config.mail).context("prepare the emails")?;
    let analytics =
        Analytics::new(&config.analytics).map_err(anyhow::Error::from_boxed).context("prepare the analytics client")?;
    let events = analytics.as_ref().map_or_else(|| "off".to_owned(), Analytics::describe);
    let webhooks = config.webhook.endpoints().filter_map(|endpoint| endpoint.url).map(|url| format!("POST {url}"));
    let webhooks: Vec<_> = webhooks.collect();
    info!(log, "Side effects"; "context" => context(json!({
        "mail": mailer.describe(), "analytics": events, "webhooks": webhooks })));
    let breaches = Breaches::new(&config.new_password);
    let breaches = breaches.map_err(anyhow::Error::from_boxed).context("prepare the client for breached passwords")?;
    if let Some(breaches) = &breaches {
        info!(log, "New passwords are held against breaches"; "context" => context(json!({ "service": breaches.describe() })));
    }
    Ok((Arc::new(mailer), analytics, breaches))
}

/// Remembers the last hour until it is dropped.
async fn keep_history(app: Arc<App>) {
    app.history.run(|| app.outbox.topics().iter().map(|topic| topic.pending).sum()).await;
}

/// A panic is a line like any other; its request is answered by the observer.
fn log_panics(log: Logger) {
    std::panic::set_hook(Box::new(move |panic| {
        let at = panic.location().map(ToString::to_string);
        crit!(log, "Panic"; "context" => context(json!({ "at": at, "payload": panic.payload_as_str().map(mask_secrets) })));
    }));
}
