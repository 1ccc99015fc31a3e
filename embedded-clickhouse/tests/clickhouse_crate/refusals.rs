//! What is refused, and with which code.

use std::io::Write;

use clickhouse::{Client, Row};
use serde::Serialize;
use tempfile::NamedTempFile;

use crate::server::TestServer;

async fn refusal(client: &Client, sql: &str) -> String {
    client.query(sql).execute().await.unwrap_err().to_string()
}

#[tokio::test]
async fn errors_carry_the_engines_code() {
    let server = TestServer::start();
    let client = server.client("refusals").await;
    for (sql, code) in [
        ("selectt 1", 62),
        ("SELECT nothing", 47),
        ("SELECT * FROM nowhere", 60),
        ("SELECT no_such_function(1)", 46),
        ("SELECT toUInt8('x')", 6),
        ("SELECT throwIf(1)", 395),
        ("CREATE TABLE t (a UInt8) ENGINE = NoSuchEngine", 56),
    ] {
        let text = refusal(&client, sql).await;
        assert!(text.contains(&format!("Code: {code}.")), "{sql}: {text}");
    }
    let text = refusal(&client.clone().with_database("nowhere"), "SELECT 1").await;
    assert!(text.contains("Code: 81."), "{text}");
    let text = refusal(&client.clone().with_setting("no_such_setting", "1"), "SELECT 1").await;
    assert!(text.contains("Code: 115."), "{text}");
    let text = refusal(&client.clone().with_setting("max_threads = 1, readonly", "1"), "SELECT 1").await;
    assert!(text.contains("Code: 115."), "{text}");
    let text = refusal(&client.clone().with_setting("max_threads", "many' OR 1"), "SELECT 1").await;
    assert!(text.contains("Code: "), "{text}");
    let reply = server.post("/", "SELECT * FROM nowhere").await;
    assert!(reply.starts_with("HTTP/1.1 404 ") && reply.contains("\r\nx-clickhouse-exception-code: 60\r\n"), "{reply}");
}

#[tokio::test]
async fn rows_of_another_shape_are_refused() {
    #[derive(Row, Serialize)]
    struct Wrong {
        a: String,
    }
    let server = TestServer::start();
    let client = server.client("shapes").await;
    client.query("CREATE TABLE t (a UInt32) ENGINE = MergeTree ORDER BY a").execute().await.unwrap();
    let unchecked = client.clone().with_validation(false);
    let mut insert = unchecked.insert::<Wrong>("t").await.unwrap();
    insert.write(&Wrong { a: "text".to_owned() }).await.unwrap();
    let error = insert.end().await.unwrap_err().to_string();
    assert!(error.contains("Code: "), "{error}");
    assert_eq!(client.query("SELECT count() FROM t").fetch_one::<u64>().await.unwrap(), 0);
}

#[tokio::test]
async fn only_the_configured_user_is_let_in() {
    let mut password_file = NamedTempFile::new().unwrap();
    writeln!(password_file, "s3cret").unwrap();
    let path = password_file.path().to_str().unwrap();
    let server = TestServer::start_with(&["--no-fsync", "--user", "avocet", "--password-file", path]);
    let client = server.client_without_database();
    let known = client.clone().with_user("avocet").with_password("s3cret");
    assert_eq!(known.query("SELECT 1").fetch_one::<u8>().await.unwrap(), 1);
    for (user, password) in [("avocet", "wrong"), ("avocet", ""), ("egret", "s3cret"), ("default", "")] {
        let text = refusal(&client.clone().with_user(user).with_password(password), "SELECT 1").await;
        assert!(text.contains("Code: 516."), "{text}");
    }
    assert!(refusal(&client, "SELECT 1").await.contains("Code: 516."));
    assert!(server.post("/", "SELECT 1").await.starts_with("HTTP/1.1 403 "));
    assert!(server.post("/?user=avocet&password=s3cret", "SELECT 1").await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn limits_refuse_one_request_and_spare_the_server() {
    let server = TestServer::start_with(&["--no-fsync", "--max-body-bytes", "1000"]);
    let client = server.client("limits").await;
    let text = refusal(&client, "SELECT length(toString(groupArray(number))) FROM numbers(200000000)").await;
    assert!(text.contains("Code: 241."), "{text}");
    let reply = server.post("/", &format!("SELECT '{}'", "x".repeat(1000))).await;
    assert!(reply.starts_with("HTTP/1.1 413 ") && reply.contains("Code: 307."), "{reply}");
    assert_eq!(client.query("SELECT 1").fetch_one::<u8>().await.unwrap(), 1);
}
