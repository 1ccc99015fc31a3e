//! Nothing of one request reaches another.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::future::join_all;

use crate::server::TestServer;

const TASKS: u64 = 32;
const ROUNDS: u64 = 10;

/// A failed query leaves rows behind in its connection; they must not show up in anybody's result.
#[tokio::test(flavor = "multi_thread")]
async fn rows_of_failed_queries_stay_out_of_other_results() {
    let server = TestServer::start();
    let client = server.client("parallel").await;
    let tasks = (0..TASKS).map(|task| {
        let client = client.clone();
        tokio::spawn(async move {
            for round in 0..ROUNDS {
                let first = task * 1_000_000 + round * 1000;
                let failing =
                    "SELECT number + ?, throwIf(number = 4000) FROM numbers(5000) SETTINGS max_block_size = 100";
                let failed = client.query(failing).bind(first).fetch_all::<(u64, u8)>().await.unwrap_err().to_string();
                assert!(failed.contains("Code: 395."), "{failed}");
                let sql = "SELECT number + {first:UInt64} FROM numbers(500)";
                let rows = client.query(sql).param("first", first).fetch_all::<u64>().await.unwrap();
                assert!(rows.iter().copied().eq(first..first + 500), "task {task}, round {round}");
            }
        })
    });
    for task in join_all(tasks).await {
        task.unwrap();
    }
}

#[tokio::test]
async fn settings_databases_and_temporary_tables_end_with_their_request() {
    let server = TestServer::start();
    let client = server.client("state").await;
    let threads = "SELECT toString(getSetting('max_threads'))";
    let before = client.query(threads).fetch_one::<String>().await.unwrap();
    let changed = client.query(threads).with_setting("max_threads", "7").fetch_one::<String>().await.unwrap();
    assert_eq!(changed, "7");
    client.query("SET max_threads = 9").execute().await.unwrap();
    client.query("USE system").execute().await.unwrap();
    client.query("CREATE TEMPORARY TABLE passing (a UInt8)").execute().await.unwrap();
    for _ in 0..5 {
        assert_eq!(client.query(threads).fetch_one::<String>().await.unwrap(), before);
        assert_eq!(client.query("SELECT currentDatabase()").fetch_one::<String>().await.unwrap(), "state");
        assert!(client.query("SELECT a FROM passing").fetch_all::<u8>().await.is_err());
    }
}

#[tokio::test]
async fn parameters_and_bound_values_arrive_as_they_are() {
    let server = TestServer::start();
    let client = server.client("parameters").await;
    for text in
        ["", "plain", "it's", "a\\b\\n", "tab\tline\nreturn\r", "🦀 {x:String} ? `q` \"d\"", "'); DROP TABLE t; --"]
    {
        let parameter = client.query("SELECT {x:String}").param("x", text).fetch_one::<String>().await.unwrap();
        assert_eq!(parameter, text);
        let bound = client.query("SELECT ?").bind(text).fetch_one::<String>().await.unwrap();
        assert_eq!(bound, text);
    }
    let long = "long ".repeat(200_000);
    let sql = "SELECT length({x:String}) + {n:UInt8}, {list:Array(String)}[2]";
    let query = client.query(sql).param("x", &long).param("n", 7).param("list", vec!["a", "b'c"]);
    let expected = (1_000_007, "b'c".to_owned());
    assert_eq!(query.fetch_one::<(u64, String)>().await.unwrap(), expected);
}

/// Results are derived by the hundred; whoever reads, or asks whether the engine answers, does not wait for them.
#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_of_derivations_keeps_no_reader_waiting() {
    let server = TestServer::start();
    let client = server.client("crowd").await;
    client.query("CREATE TABLE sums (n UInt8) ENGINE = MergeTree ORDER BY n").execute().await.unwrap();
    let n_done = Arc::new(AtomicU64::new(0));
    let crowd = (0..12).map(|_| {
        let (client, n_done) = (client.clone(), Arc::clone(&n_done));
        tokio::spawn(async move {
            client.query("INSERT INTO sums SELECT sleep(3)").execute().await.unwrap();
            n_done.fetch_add(1, Ordering::SeqCst);
        })
    });
    let crowd: Vec<_> = crowd.collect();
    let running = "SELECT count() FROM system.processes WHERE query LIKE 'INSERT INTO sums%'";
    while client.query(running).fetch_one::<u64>().await.unwrap() == 0 {
        assert_eq!(n_done.load(Ordering::SeqCst), 0, "the question waited for those that it is about");
    }
    client.query("SELECT 1").fetch_one::<u8>().await.unwrap();
    assert_eq!(n_done.load(Ordering::SeqCst), 0, "none of those that run was waited for");
    crowd.iter().for_each(tokio::task::JoinHandle::abort);
}
