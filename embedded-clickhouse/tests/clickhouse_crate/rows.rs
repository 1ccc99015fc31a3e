//! Typed rows, in and out.

use std::collections::HashMap;

use chrono::{DateTime, TimeZone, Utc};
use clickhouse::{Client, Compression, Row};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::server::TestServer;

const TABLE: &str = "CREATE TABLE samples (
    id UUID, at DateTime64(3), kind LowCardinality(String), note Nullable(String), tags Array(String),
    is_done Bool, score Float64, counts Map(String, UInt64)
) ENGINE = MergeTree PARTITION BY toYYYYMM(at) ORDER BY (kind, at, id)";

#[derive(Debug, Clone, PartialEq, Row, Serialize, Deserialize)]
struct Sample {
    #[serde(with = "clickhouse::serde::uuid")]
    id: Uuid,
    #[serde(with = "clickhouse::serde::chrono::datetime64::millis")]
    at: DateTime<Utc>,
    kind: String,
    note: Option<String>,
    tags: Vec<String>,
    is_done: bool,
    score: f64,
    counts: HashMap<String, u64>,
}

impl Sample {
    fn numbered(number: u32) -> Self {
        Self {
            id: Uuid::from_u128(u128::from(number)),
            at: Utc.timestamp_millis_opt(1_750_000_000_123 + i64::from(number)).unwrap(),
            kind: format!("kind {}", number % 3),
            note: number.is_multiple_of(2).then(|| format!("it's \\ \"noted\"\n\t🦀 {number}")),
            tags: (0..number % 4).map(|tag| tag.to_string()).collect(),
            is_done: number.is_multiple_of(5),
            score: f64::from(number) / 7.0,
            counts: HashMap::from([("n".to_owned(), u64::from(number)), (String::new(), u64::MAX)]),
        }
    }
}

async fn insert(client: &Client, samples: &[Sample]) {
    let mut insert = client.insert::<Sample>("samples").await.unwrap();
    for sample in samples {
        insert.write(sample).await.unwrap();
    }
    insert.end().await.unwrap();
}

async fn all(client: &Client) -> Vec<Sample> {
    client.query("SELECT ?fields FROM samples ORDER BY id").fetch_all().await.unwrap()
}

#[tokio::test]
async fn typed_rows_come_back_as_they_went_in() {
    let server = TestServer::start();
    let samples: Vec<_> = (0..1000).map(Sample::numbered).collect();
    for (database, compression) in [("lz4", Compression::Lz4), ("plain", Compression::None)] {
        let client = server.client(database).await.with_compression(compression);
        client.query(TABLE).execute().await.unwrap();
        assert!(all(&client).await.is_empty());
        insert(&client, &samples).await;
        insert(&client.clone().with_validation(false), &[Sample::numbered(1000)]).await;
        let mut stored = all(&client).await;
        assert_eq!(stored.pop(), Some(Sample::numbered(1000)));
        assert!(stored == samples, "{database}: rows differ");
    }
}

#[tokio::test]
async fn large_inserts_and_long_cursors_lose_nothing() {
    let server = TestServer::start();
    let client = server.client("large").await;
    client.query(TABLE).execute().await.unwrap();
    let samples: Vec<_> = (0..30_000).map(Sample::numbered).collect();
    insert(&client, &samples).await;
    assert!(all(&client).await == samples);

    let mut cursor = client.query("SELECT number FROM numbers(500000)").fetch::<u64>().unwrap();
    let mut expected = 0;
    while let Some(number) = cursor.next().await.unwrap() {
        assert_eq!(number, expected);
        expected += 1;
    }
    assert_eq!(expected, 500_000);
}

#[tokio::test]
async fn other_formats_pass_through() {
    let server = TestServer::start();
    let client = server.client("formats").await;
    client.query("CREATE TABLE t (a UInt32, b String) ENGINE = MergeTree ORDER BY a").execute().await.unwrap();
    let mut insert = client.insert_formatted_with("INSERT INTO t FORMAT JSONEachRow").buffered();
    insert.write(br#"{"a":1,"b":"x"}{"a":2,"b":"y"}"#).await.unwrap();
    insert.end().await.unwrap();
    client.query("INSERT INTO t VALUES (3, 'FORMAT JSON'), (4, 'z')").execute().await.unwrap();
    client.query("INSERT INTO t SELECT a + 4, b FROM t").execute().await.unwrap();
    let mut lines = client.query("SELECT * FROM t WHERE a < 5 ORDER BY a").fetch_bytes("JSONEachRow").unwrap();
    let expected =
        "{\"a\":1,\"b\":\"x\"}\n{\"a\":2,\"b\":\"y\"}\n{\"a\":3,\"b\":\"FORMAT JSON\"}\n{\"a\":4,\"b\":\"z\"}\n";
    assert_eq!(lines.collect().await.unwrap(), expected);
    assert_eq!(client.query("SELECT count() FROM t").fetch_one::<u64>().await.unwrap(), 8);
}

#[tokio::test]
async fn an_abandoned_insert_inserts_nothing() {
    let server = TestServer::start();
    let client = server.client("abandoned").await;
    client.query(TABLE).execute().await.unwrap();
    // Enough rows that several blocks are on their way before the insert is dropped.
    let mut insert = client.insert::<Sample>("samples").await.unwrap();
    for number in 0..20_000 {
        insert.write(&Sample::numbered(number)).await.unwrap();
    }
    drop(insert);
    // The next insert would wait for the first one if it ran.
    self::insert(&client, &[Sample::numbered(7)]).await;
    assert_eq!(all(&client).await, [Sample::numbered(7)]);
}
