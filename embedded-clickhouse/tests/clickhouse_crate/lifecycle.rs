//! Beginning and end of the process.

use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::server::{TestServer, binary, command, wait_until};

#[tokio::test(flavor = "multi_thread")]
async fn a_terminated_server_finishes_what_has_begun() {
    let mut server = TestServer::start();
    let client = server.client("ending").await;
    let slow = tokio::spawn({
        let client = client.clone();
        async move { client.query("SELECT sleep(1)").fetch_one::<u8>().await }
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    server.terminate();
    assert_eq!(slow.await.unwrap().unwrap(), 0);
    assert_eq!(server.wait().code(), Some(0));
    assert!(client.query("SELECT 1").execute().await.is_err());

    server.start_again();
    let databases = "SELECT count() FROM system.databases WHERE name = 'ending'";
    assert_eq!(server.client("ending").await.query(databases).fetch_one::<u64>().await.unwrap(), 1);
}

#[test]
fn a_second_server_on_the_same_data_is_refused() {
    let server = TestServer::start();
    let second = command(server.directory()).output().unwrap();
    assert_eq!(second.status.code(), Some(1));
    let message = String::from_utf8(second.stderr).unwrap();
    assert!(message.contains("is in use by another process"), "{message}");
    // The first one has not noticed.
    TcpStream::connect(&server.address).unwrap();
}

#[test]
fn a_server_that_cannot_start_says_why() {
    let directory = TempDir::new().unwrap();
    let message = |arguments: &[&str]| {
        let output = command(directory.path()).args(arguments).output().unwrap();
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    let missing = message(&["--lib", "/nowhere/libchdb.so"]);
    assert!(missing.contains("/nowhere/libchdb.so"), "{missing}");
    let not_a_library = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let refused = message(&["--lib", not_a_library]);
    assert!(refused.contains("cannot load libchdb"), "{refused}");
    let open_to_all = message(&["--listen", "0.0.0.0:0"]);
    assert!(open_to_all.contains("without a password"), "{open_to_all}");
    let orphan = message(&["--parent-pid", "1"]);
    assert!(orphan.contains("--parent-pid"), "{orphan}");
}

#[test]
fn a_server_ends_with_its_parent() {
    let directory = TempDir::new().unwrap();
    let script =
        r#""$0" --no-fsync --listen 127.0.0.1:0 --path "$1/data" --port-file "$1/port" --parent-pid $$ & wait"#;
    let mut parent = Command::new("sh")
        .args(["-c", script])
        .arg(binary())
        .arg(directory.path())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let port_file = directory.path().join("port");
    let address = wait_until("the server is ready", || std::fs::read_to_string(&port_file).ok());
    TcpStream::connect(&address).unwrap();
    parent.kill().unwrap();
    parent.wait().unwrap();
    wait_until("the server is gone", || TcpStream::connect(&address).is_err().then_some(()));
}
