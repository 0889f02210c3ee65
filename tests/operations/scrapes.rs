//! Gathering all metrics costs something: so many at once, in all and for one client, and nobody waits for those who do not
//! read their answer.

use std::fs;
use std::net::Ipv4Addr;

use futures_util::future::join_all;

use super::common::app::TestApp;
use super::common::eventually;
use super::common::http::{self, Answer};
use super::common::raw::RawClient;
use super::common::scrape::{Scrape, metric};
use super::options;

const LARGE: [&str; 3] = ["/metrics", "/health/metrics", "/errors"];

/// A client at another address of this machine.
fn neighbour() -> reqwest::Client {
    http::builder().local_address(Some(Ipv4Addr::new(127, 0, 0, 2).into())).build().unwrap()
}

async fn scrape_as(client: &reqwest::Client, app: &TestApp) -> Answer {
    Answer::to(client.get(format!("{}/metrics", app.ops_url()))).await.unwrap()
}

fn threads(app: &TestApp) -> usize {
    fs::read_dir(format!("/proc/{}/task", app.pid())).unwrap().count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_nobody_reads_take_the_places_of_their_client_alone() {
    let app = TestApp::spawn(options()).await;
    // So small a window that no answer fits.
    let lazy = http::builder().http2_prior_knowledge().http2_initial_stream_window_size(1024).build().unwrap();
    let ask = |n: usize| lazy.get(format!("{}{}", app.ops_url(), LARGE[n % LARGE.len()])).send();
    let answers: Vec<_> = join_all((0..30).map(ask)).await.into_iter().map(Result::unwrap).collect();
    let (unread, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status() == 200);
    assert_eq!((unread.len(), refused.len()), (2, 28));
    for answer in refused {
        assert_eq!((answer.status().as_u16(), &answer.headers()["retry-after"]), (503, &"1".parse().unwrap()));
        assert!(answer.text().await.unwrap().contains("\"SERVICE_OVERLOADED\""));
    }
    scrape_as(&app.client, &app).await.assert_problem(503, "SERVICE_OVERLOADED");
    assert_eq!(app.get_ops("/health/ready").await.status, 200);
    assert_eq!(app.get_ops("/version").await.status, 200);

    // Prometheus asks from elsewhere, and is answered.
    let scrape = scrape_as(&neighbour(), &app).await;
    let rejected = metric("neodyme_http_requests_rejected_total").label("reason", "overload");
    assert_eq!(rejected.sum_in(&Scrape::parse(scrape.text())), Some(29.0));

    for answer in unread {
        assert!(!answer.bytes().await.unwrap().is_empty(), "whoever reads gets all of it");
    }
    eventually("there is room again", async || (scrape_as(&app.client, &app).await.status == 200).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_leaves_gives_its_place_back() {
    let app = TestApp::spawn(options()).await;
    let request = "GET /metrics HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let mut clients = Vec::new();
    for _ in 0..2 {
        let mut client = RawClient::connect(app.ops_address()).await;
        // More than the buffers of the connection hold.
        client.send(request.repeat(100)).await;
        clients.push(client);
    }
    let refused = async || (scrape_as(&app.client, &app).await.status == 503).then_some(());
    eventually("both wait for their clients to read", refused).await;
    drop(clients);
    eventually("there is room again", async || (scrape_as(&app.client, &app).await.status == 200).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_scrapes_starts_no_threads() {
    let app = TestApp::spawn(options()).await;
    assert_eq!(scrape_as(&app.client, &app).await.status, 200);
    let before = threads(&app);
    let clients: Vec<_> = (0..10).map(|_| http::http2_client()).collect();
    let floods = clients.iter().flat_map(|client| (0..100).map(|_| scrape_as(client, &app)));
    let statuses: Vec<u16> = join_all(floods).await.into_iter().map(|answer| answer.status).collect();
    assert!(statuses.iter().all(|status| [200, 503].contains(status)), "{statuses:?}");
    assert!(statuses.contains(&200) && statuses.contains(&503));
    let after = threads(&app);
    assert!(after <= before + 8, "{before} threads became {after}");
}
