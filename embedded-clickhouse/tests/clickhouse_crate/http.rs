//! The parts of the interface that other clients use.

use embedded_clickhouse::native;

use crate::server::TestServer;

#[tokio::test]
async fn it_answers_like_a_clickhouse_server() {
    let server = TestServer::start();
    let get = async |target: &str| {
        let request = format!("GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        String::from_utf8(server.raw(request.as_bytes()).await).unwrap()
    };
    for target in ["/ping", "/", "/replicas_status"] {
        let reply = get(target).await;
        assert!(reply.starts_with("HTTP/1.1 200 ") && reply.ends_with("\r\n\r\nOk.\n"), "{reply}");
    }
    assert!(get("/nowhere").await.starts_with("HTTP/1.1 404 "));
    assert!(get("/?query=SELECT+5").await.ends_with("\r\n\r\n5\n"));
    // What a link can do must change nothing.
    let reply = get("/?query=CREATE+DATABASE+by_link").await;
    assert!(reply.contains("Code: 164."), "{reply}");
    assert!(server.post("/", "").await.contains("Code: 62."));

    let reply = server.post("/?query_id=mine&wait_end_of_query=1&default_format=CSV", "SELECT 'a', timezone()").await;
    assert!(reply.contains("\r\nx-clickhouse-query-id: mine\r\n"), "{reply}");
    assert!(reply.contains("\r\nx-clickhouse-format: CSV\r\n"), "{reply}");
    assert!(reply.ends_with("\r\n\r\n\"a\",\"UTC\"\n"), "{reply}");

    server.post("/", "CREATE DATABASE d").await;
    server.post("/?database=d", "CREATE TABLE t (a UInt8) ENGINE = MergeTree ORDER BY a").await;
    let reply = server.post("/?database=d&query=INSERT+INTO+t+FORMAT+CSV", "1\n2\n3\n").await;
    assert!(reply.contains("\"written_rows\":\"3\""), "{reply}");
    assert!(server.post("/", "SELECT sum(a) FROM d.t FORMAT TSV").await.ends_with("\r\n\r\n6\n"));
}

#[tokio::test]
async fn replies_are_compressed_on_request() {
    let server = TestServer::start();
    let sql = "SELECT * FROM numbers(1000)";
    let length = sql.len();
    let head =
        format!("POST /?compress=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
    let reply = server.raw(format!("{head}{sql}").as_bytes()).await;
    let start = reply.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    let rows = native::decompress(reply.get(start..).unwrap(), 1 << 20).unwrap();
    let expected: String = (0..1000).map(|number| format!("{number}\n")).collect();
    assert_eq!(String::from_utf8(rows).unwrap(), expected);
}
