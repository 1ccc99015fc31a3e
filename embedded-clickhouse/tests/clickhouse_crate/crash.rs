//! What was acknowledged survives the end that no process can prepare for.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use clickhouse::{Client, Row};
use serde::{Deserialize, Serialize};

use crate::server::TestServer;

const BATCH: u64 = 100;

#[derive(Row, Serialize, Deserialize)]
struct Numbered {
    number: u64,
}

/// Inserts batches until the server is gone, and counts those that were acknowledged.
async fn insert_batches(client: Client, acknowledged: Arc<AtomicU64>) {
    loop {
        let first = acknowledged.load(Ordering::SeqCst) * BATCH;
        let Ok(mut insert) = client.insert::<Numbered>("numbers").await else { return };
        for number in first..first + BATCH {
            if insert.write(&Numbered { number }).await.is_err() {
                return;
            }
        }
        if insert.end().await.is_err() {
            return;
        }
        acknowledged.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_rows_survive_a_kill() {
    // Without `--no-fsync`, as in earnest.
    let mut server = TestServer::start_with(&[]);
    let client = server.client("crash").await;
    client.query("CREATE TABLE numbers (number UInt64) ENGINE = MergeTree ORDER BY number").execute().await.unwrap();
    let acknowledged = Arc::new(AtomicU64::new(0));
    for _ in 0..3 {
        let before = acknowledged.load(Ordering::SeqCst);
        let client = server.client("crash").await;
        let inserting = tokio::spawn(insert_batches(client, Arc::clone(&acknowledged)));
        tokio::time::sleep(Duration::from_millis(300)).await;
        server.kill();
        inserting.await.unwrap();
        server.start_again();

        let batches = acknowledged.load(Ordering::SeqCst);
        assert!(batches > before, "no batch was acknowledged");
        let client = server.client("crash").await;
        let present = client.query("SELECT uniqExact(number) FROM numbers WHERE number < ?").bind(batches * BATCH);
        assert_eq!(present.fetch_one::<u64>().await.unwrap(), batches * BATCH);
        // A batch is there as a whole or not at all, acknowledged or not.
        let all = client.query("SELECT uniqExact(number) FROM numbers").fetch_one::<u64>().await.unwrap();
        assert_eq!(all % BATCH, 0);
    }
}
