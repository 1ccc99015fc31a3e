//! Tables and statements that change them.

use clickhouse::{Client, Row};
use serde::{Deserialize, Serialize};

use crate::server::TestServer;

#[derive(Debug, Clone, PartialEq, Eq, Row, Serialize, Deserialize)]
struct Entry {
    key: u32,
    version: u32,
    text: String,
}

fn entry(key: u32, version: u32, text: &str) -> Entry {
    Entry { key, version, text: text.to_owned() }
}

async fn insert(client: &Client, entries: &[Entry]) {
    let mut insert = client.insert::<Entry>("entries").await.unwrap();
    for entry in entries {
        insert.write(entry).await.unwrap();
    }
    insert.end().await.unwrap();
}

async fn entries(client: &Client) -> Vec<Entry> {
    client.query("SELECT ?fields FROM entries FINAL ORDER BY key").fetch_all().await.unwrap()
}

async fn execute(client: &Client, sql: &str) {
    client.query(sql).execute().await.unwrap();
}

#[tokio::test]
async fn a_replacing_table_keeps_the_last_version() {
    let server = TestServer::start();
    let client = server.client("replacing").await;
    let columns = "(key UInt32, version UInt32, text String)";
    execute(&client, &format!("CREATE TABLE entries {columns} ENGINE = ReplacingMergeTree(version) ORDER BY key"))
        .await;
    insert(&client, &[entry(1, 1, "old"), entry(2, 1, "only")]).await;
    insert(&client, &[entry(1, 2, "new")]).await;
    assert_eq!(entries(&client).await, [entry(1, 2, "new"), entry(2, 1, "only")]);
    execute(&client, "OPTIMIZE TABLE entries FINAL").await;
    assert_eq!(client.query("SELECT count() FROM entries").fetch_one::<u64>().await.unwrap(), 2);

    execute(&client, "DELETE FROM entries WHERE key = 1").await;
    assert_eq!(entries(&client).await, [entry(2, 1, "only")]);
    insert(&client, &[entry(3, 1, "third")]).await;
    execute(&client, "ALTER TABLE entries DELETE WHERE key = 2 SETTINGS mutations_sync = 2").await;
    execute(&client, "ALTER TABLE entries UPDATE text = 'changed' WHERE key = 3 SETTINGS mutations_sync = 2").await;
    assert_eq!(entries(&client).await, [entry(3, 1, "changed")]);

    execute(&client, "ALTER TABLE entries ADD COLUMN extra UInt8 DEFAULT 9").await;
    assert_eq!(client.query("SELECT extra FROM entries").fetch_one::<u8>().await.unwrap(), 9);
    execute(&client, "TRUNCATE TABLE entries").await;
    assert!(entries(&client).await.is_empty());
    execute(&client, "DROP TABLE entries").await;
    let error = client.query("SELECT 1 FROM entries").fetch_one::<u8>().await.unwrap_err().to_string();
    assert!(error.contains("Code: 60."), "{error}");
}

#[tokio::test]
async fn a_block_with_the_same_token_is_inserted_once() {
    let server = TestServer::start();
    let client = server.client("tokens").await;
    let columns = "(key UInt32, version UInt32, text String)";
    let settings = "SETTINGS non_replicated_deduplication_window = 100";
    execute(&client, &format!("CREATE TABLE entries {columns} ENGINE = MergeTree ORDER BY key {settings}")).await;
    for (token, key) in [("first", 1), ("first", 1), ("second", 1), ("first", 1)] {
        let with_token = client.clone().with_setting("insert_deduplication_token", token);
        insert(&with_token, &[entry(key, 1, "text")]).await;
    }
    assert_eq!(client.query("SELECT count() FROM entries").fetch_one::<u64>().await.unwrap(), 2);
}

#[tokio::test]
async fn views_and_window_functions_work() {
    let server = TestServer::start();
    let client = server.client("views").await;
    execute(&client, "CREATE TABLE entries (key UInt32, version UInt32, text String) ENGINE = MergeTree ORDER BY key")
        .await;
    execute(&client, "CREATE TABLE totals (key UInt32, n UInt64) ENGINE = SummingMergeTree ORDER BY key").await;
    let view = "CREATE MATERIALIZED VIEW counting TO totals AS SELECT key, count() AS n FROM entries GROUP BY key";
    execute(&client, view).await;
    insert(&client, &[entry(1, 1, "a"), entry(1, 2, "b"), entry(2, 1, "c")]).await;
    let totals = client.query("SELECT key, sum(n) FROM totals GROUP BY key ORDER BY key").fetch_all::<(u32, u64)>();
    assert_eq!(totals.await.unwrap(), [(1, 2), (2, 1)]);
    let ranks = "SELECT version, percent_rank() OVER (ORDER BY version) FROM entries WHERE key = 1 ORDER BY version";
    assert_eq!(client.query(ranks).fetch_all::<(u32, f64)>().await.unwrap(), [(1, 0.0), (2, 1.0)]);
}

#[tokio::test]
async fn merges_reach_the_disk_and_inserts_leave_room_for_them() {
    // Without --no-fsync: it is counted how often the disk was waited for.
    let server = TestServer::start_with(&[]);
    let client = server.client("durable").await;
    let synced = async || -> u64 {
        let query = "SELECT sum(value) FROM system.events WHERE event = 'FileSync'";
        client.query(query).fetch_one::<u64>().await.unwrap()
    };
    let columns = "(key UInt32, version UInt32, text String)";
    execute(&client, &format!("CREATE TABLE entries {columns} ENGINE = ReplacingMergeTree(version) ORDER BY key"))
        .await;
    insert(&client, &[entry(1, 1, "a")]).await;
    insert(&client, &[entry(2, 1, "b")]).await;
    let before = synced().await;
    execute(&client, "OPTIMIZE TABLE entries FINAL").await;
    let merged = synced().await;
    assert!(merged > before, "{before} and {merged}: the merge did not wait for the disk");
    execute(&client, "ALTER TABLE entries DELETE WHERE key = 1 SETTINGS mutations_sync = 2").await;
    assert!(synced().await > merged, "the deletion did not wait for the disk");

    let room = "SELECT value FROM system.merge_tree_settings WHERE name = 'min_free_disk_bytes_to_perform_insert'";
    assert_eq!(client.query(room).fetch_one::<String>().await.unwrap(), (64 << 20).to_string());
    // No disk has as much room.
    let all = u64::MAX / 2;
    execute(&client, &format!("ALTER TABLE entries MODIFY SETTING min_free_disk_bytes_to_perform_insert = {all}"))
        .await;
    let refused = client.query("INSERT INTO entries VALUES (3, 1, 'c')").execute().await.unwrap_err().to_string();
    assert!(refused.contains("Code: 243"), "{refused}");
    execute(&client, "ALTER TABLE entries RESET SETTING min_free_disk_bytes_to_perform_insert").await;
    insert(&client, &[entry(3, 1, "c")]).await;
    assert_eq!(entries(&client).await.len(), 2);
}
