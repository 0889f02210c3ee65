//! A PostgreSQL server that falls silent: no answer, no refusal, no closed connection.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use neodyme::error::DbErrorKind;
use neodyme::store::Db;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::common::database::Database;
use crate::common::postgres::Cluster;
use crate::fixture::{self, kind, message, register, user};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_server_is_given_up_and_used_again() {
    let mut url: url::Url = Cluster::shared().create_database().parse().unwrap();
    let server: SocketAddr = format!("127.0.0.1:{}", url.port().unwrap()).parse().unwrap();
    let (flowing, flow) = watch::channel(true);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    url.set_port(Some(listener.local_addr().unwrap().port())).unwrap();
    tokio::spawn(forward(listener, server, flow));

    let mut config = fixture::config(&Database::Postgres(url.into()));
    config.query_timeout = Duration::from_millis(200);
    config.acquire_timeout = Duration::from_millis(200);
    config.connect_timeout = Duration::from_millis(500);
    let db = Db::connect(&config).await.unwrap();
    db.migrate().await.unwrap();

    // Under way.
    flowing.send(false).unwrap();
    let started = Instant::now();
    let error = register(&db, &user("bob@example.com")).await.unwrap_err();
    assert_eq!(kind(&error), DbErrorKind::Timeout, "{}", message(&error));
    // And from the start: the idle connections are found dead, a new one is not answered.
    let error = db.ping().await.unwrap_err();
    assert!(matches!(kind(&error), DbErrorKind::Timeout | DbErrorKind::Connection), "{}", message(&error));
    assert!(started.elapsed() < Duration::from_secs(5), "waited {:?}", started.elapsed());

    flowing.send(true).unwrap();
    register(&db, &user("ada@example.com")).await.unwrap();
}

/// Forwards connections, and holds everything back while `flow` is false.
async fn forward(listener: TcpListener, server: SocketAddr, flow: watch::Receiver<bool>) {
    loop {
        let (client, _) = listener.accept().await.unwrap();
        let (client_read, client_write) = client.into_split();
        let (server_read, server_write) = TcpStream::connect(server).await.unwrap().into_split();
        tokio::spawn(pump(client_read, server_write, flow.clone()));
        tokio::spawn(pump(server_read, client_write, flow.clone()));
    }
}

async fn pump(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    mut flow: watch::Receiver<bool>,
) -> Option<()> {
    let mut buffer = vec![0; 8192];
    loop {
        let read = from.read(&mut buffer).await.ok().filter(|read| *read > 0)?;
        flow.wait_for(|flowing| *flowing).await.ok()?;
        to.write_all(&buffer[..read]).await.ok()?;
    }
}
