use std::time::{Duration, Instant};

use clickhouse_schema::{Config, Error, EventLog};
use test_support::ClickHouse;
use tokio::net::TcpListener;

use crate::store::{ORG, Store, logged, prompt, session};

fn is_unavailable<T>(outcome: &Result<T, Error>) -> bool {
    matches!(outcome, Err(Error::Unavailable(_)))
}

#[tokio::test]
async fn a_server_that_is_gone_is_unavailable_at_once() {
    let mut store = Store::start().await;
    let events = logged(ORG, &[prompt("s", 0)]);
    store.log.ping().await.unwrap();
    store.log.append_events(&events).await.unwrap();
    store.engine.kill();
    let started = Instant::now();
    assert!(is_unavailable(&store.log.ping().await));
    assert!(is_unavailable(&store.log.append_events(&events).await));
    assert!(is_unavailable(&store.log.append_events_isolating(&events).await));
    assert!(is_unavailable(&store.log.read_after(&session("s"), 0, 1).await));
    assert!(is_unavailable(&store.log.totals(&session("s")).await));
    assert!(is_unavailable(&store.log.migrate().await));
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_unavailable_after_two_seconds() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let log = EventLog::new(&Config { url, ..Config::default() });
    let started = Instant::now();
    assert!(is_unavailable(&log.ping().await));
    assert!((2..4).contains(&started.elapsed().as_secs()), "{:?}", started.elapsed());
}

#[tokio::test]
async fn what_the_server_refuses_is_told_apart() {
    let engine = ClickHouse::start();
    let config = Config { url: engine.url().to_owned(), ..Config::default() };
    let log = EventLog::new(&config);
    log.ping().await.unwrap();
    // Not migrated: no row is to blame.
    let error = log.append_events_isolating(&logged(ORG, &[prompt("s", 0)])).await.unwrap_err();
    assert!(matches!(error, Error::Refused { .. }) && !error.blames_row(), "{error}");
    let stranger = EventLog::new(&Config { user: "nobody".to_owned(), password: "x".to_owned(), ..config });
    let error = stranger.ping().await.unwrap_err();
    assert!(!error.blames_row(), "{error}");
}

#[tokio::test]
async fn a_disk_without_room_is_unavailable_and_the_same_call_goes_through_when_there_is_some() {
    let store = Store::start().await;
    let events = logged(ORG, &[prompt("s", 0)]);
    let all = u64::MAX / 2;
    store.run(&format!("ALTER TABLE events MODIFY SETTING min_free_disk_bytes_to_perform_insert = {all}")).await;
    assert!(is_unavailable(&store.log.append_events_isolating(&events).await));
    store.run("ALTER TABLE events RESET SETTING min_free_disk_bytes_to_perform_insert").await;
    assert!(store.log.append_events_isolating(&events).await.unwrap().is_empty());
    assert_eq!(store.number("SELECT count() FROM events").await, 1);
}
