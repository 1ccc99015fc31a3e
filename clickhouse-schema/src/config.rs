//! Where ClickHouse is and how it is asked.

use std::time::Duration;

use clickhouse::Client;
use hyper_util::client::legacy::{Client as HttpClient, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;

/// Where ClickHouse is and how it is asked.
#[derive(Clone)]
pub struct Config {
    /// The address of its HTTP interface, e.g. `http://127.0.0.1:8123`.
    pub url: String,
    /// The user; empty for none.
    pub user: String,
    /// The user's password; empty for none.
    pub password: String,
    /// The database that holds everything; `migrate` creates it.
    pub database: String,
    /// Whether a row is on the disk before an insert is answered (`fsync_after_insert` of every table). Takes effect
    /// with `migrate`.
    pub durable_inserts: bool,
    /// The name of the cluster whose replicas all hold the tables; `None` for a single server.
    pub cluster: Option<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            url: "http://127.0.0.1:8123".to_owned(),
            user: String::new(),
            password: String::new(),
            database: "promptster".to_owned(),
            durable_inserts: true,
            cluster: None,
        }
    }
}

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a connection may stay idle: shorter than any server keeps it (3 s in old ones).
const IDLE_TIMEOUT: Duration = Duration::from_secs(2);

impl Config {
    /// A client without a database.
    pub(crate) fn client(&self) -> Client {
        let mut connector = HttpConnector::new();
        // The request's head and its body are separate writes: without this each insert waits 40 ms for an
        // acknowledgement of the first.
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        connector.set_keepalive(Some(Duration::from_secs(60)));
        let http = HttpClient::builder(TokioExecutor::new()).pool_idle_timeout(IDLE_TIMEOUT).build(connector);
        let mut client = Client::with_http_client(http).with_url(&self.url);
        if !self.user.is_empty() {
            client = client.with_user(&self.user);
        }
        if !self.password.is_empty() {
            client = client.with_password(&self.password);
        }
        client
    }
}
