//! A server of a test's own, with stores of its own.

use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;
use test_support::{ClickHouse, Redis, RedisCluster};

use super::org::{Org, create_org};
use super::server::Server;
use super::{Candidate, Reply, User, eventually};

/// What plays Redis.
enum Live {
    One(Redis),
    Cluster(RedisCluster),
}

impl Live {
    fn url(&self) -> String {
        match self {
            Self::One(redis) => redis.url(),
            Self::Cluster(cluster) => cluster.urls(),
        }
    }

    fn data_dir(&self) -> &std::path::Path {
        match self {
            Self::One(redis) => redis.data_dir(),
            Self::Cluster(_) => panic!("Redis is a cluster here"),
        }
    }

    fn one(&mut self) -> &mut Redis {
        match self {
            Self::One(redis) => redis,
            Self::Cluster(_) => panic!("Redis is a cluster here"),
        }
    }
}

/// The real server with its own Redis and its own ClickHouse, and an organisation to begin with.
pub struct TestApp {
    // Before the stores and the directory: it goes first.
    server: Server,
    redis: Live,
    clickhouse: ClickHouse,
    org: Org,
    directory: TempDir,
}

impl TestApp {
    /// Starts all of it.
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// Starts all of it, the server with these flags besides those that it needs.
    pub async fn with(flags: &[&str]) -> Self {
        Self::on(|| Live::One(Redis::start()), flags)
    }

    /// Starts all of it, with a Redis Cluster instead of one Redis.
    pub async fn on_cluster() -> Self {
        Self::on(|| Live::Cluster(RedisCluster::start()), &[])
    }

    fn on(start_redis: impl FnOnce() -> Live, flags: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (redis, clickhouse) = std::thread::scope(|scope| {
            let clickhouse = scope.spawn(ClickHouse::start);
            (start_redis(), clickhouse.join().unwrap())
        });
        let redis_url = redis.url();
        let (server, org) = std::thread::scope(|scope| {
            let server = scope.spawn(|| serve(&redis_url, &clickhouse, &directory, flags));
            let org = create_org(&redis_url, "Acme");
            (server.join().unwrap(), org)
        });
        Self { server, redis, clickhouse, org, directory }
    }

    /// Starts the server on stores that hold what another one left, its data directory included.
    pub async fn moved(redis: Redis, clickhouse: ClickHouse, directory: TempDir, org: Org, flags: &[&str]) -> Self {
        let server = serve(&redis.url(), &clickhouse, &directory, flags);
        let app = Self { server, redis: Live::One(redis), clickhouse, org, directory };
        app.ready().await;
        app
    }

    /// Another node on the same stores.
    pub fn second_node(&self) -> Node {
        self.node("second")
    }

    /// Another node on the same stores, whose log has this name.
    pub fn node(&self, name: &str) -> Node {
        Node(self.server.sibling(&self.directory.path().join(format!("{name}.log"))))
    }

    /// Its address, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.server.address)
    }

    /// `127.0.0.1:port`
    pub fn address(&self) -> std::net::SocketAddr {
        self.server.address
    }

    pub fn redis_url(&self) -> String {
        self.redis.url()
    }

    pub fn clickhouse_url(&self) -> &str {
        self.clickhouse.url()
    }

    /// Where the server keeps what it keeps on this machine.
    pub fn data_dir(&self) -> std::path::PathBuf {
        self.directory.path().join("data")
    }

    /// Where the server keeps what candidates upload.
    pub fn uploads_dir(&self) -> std::path::PathBuf {
        self.data_dir().join("uploads")
    }

    /// Everything that the server has logged so far.
    pub fn log(&self) -> String {
        self.server.log()
    }

    /// The organisation that all but [`TestApp::other_org`] belong to.
    pub fn org(&self) -> &Org {
        &self.org
    }

    /// A reviewer who may read and write.
    pub fn reviewer(&self) -> User {
        self.bearer(&self.org.secret)
    }

    /// A reviewer of the same organisation who may only read.
    pub async fn read_only(&self) -> User {
        self.reviewer_with(&["read"]).await
    }

    /// A reviewer of the same organisation with a new API key of these scopes.
    pub async fn reviewer_with(&self, scopes: &[&str]) -> User {
        let made = self.reviewer().post("/v1/org/api-keys", json!({"name": "Another", "scopes": scopes})).await;
        self.bearer(made.expect(201)["secret"].as_str().unwrap())
    }

    /// A reviewer of another organisation, made now, who may read and write there.
    pub async fn other_org(&self) -> User {
        self.bearer(&create_org(&self.redis.url(), "Other").secret)
    }

    /// Whoever holds this API key.
    pub fn bearer(&self, secret: &str) -> User {
        self.anonymous().with_header("authorization", &format!("Bearer {secret}"))
    }

    /// Whoever holds this candidate key or session token.
    pub fn api_key(&self, credential: &str) -> User {
        self.anonymous().with_header("x-api-key", credential)
    }

    /// Somebody without a credential.
    pub fn anonymous(&self) -> User {
        User::new(self.url())
    }

    /// A new assessment with all defaults; its id.
    pub async fn assessment(&self) -> String {
        self.assessment_with(json!({})).await
    }

    /// A new assessment with these fields besides the required ones; its id.
    pub async fn assessment_with(&self, fields: Value) -> String {
        let mut body = json!({"title": "Fix the parser", "role": "Backend engineer", "taskBrief": "# Fix it"});
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let made = self.reviewer().post("/v1/assessments", body).await.expect(201);
        made["assessment"]["id"].as_str().unwrap().to_owned()
    }

    /// New candidate keys of an assessment: the key objects.
    pub async fn keys(&self, assessment: &str, count: u32) -> Vec<Value> {
        let path = format!("/v1/assessments/{assessment}/keys");
        let made = self.reviewer().post(&path, json!({"count": count})).await.expect(201);
        made["keys"].as_array().unwrap().clone()
    }

    /// A candidate who has consented and redeemed a new key of the assessment.
    pub async fn candidate(&self, assessment: &str) -> Candidate {
        let key = self.keys(assessment, 1).await.remove(0);
        Candidate::start(self, &key).await
    }

    /// Stops the server in order and starts it again on the same port.
    pub async fn restart_server(&mut self) {
        self.stop_server();
        self.start_server().await;
    }

    /// Stops the server in order.
    pub fn stop_server(&mut self) {
        assert!(self.server.stop(), "the server did not stop in order");
    }

    /// Starts the server again on the same port, and does not wait until it is ready.
    pub fn launch_server(&mut self) {
        self.server.start_again();
    }

    /// Starts the server again on the same port, and does not even wait until it serves.
    pub fn begin_server(&mut self) {
        self.server.begin_again();
    }

    /// A server of its own on a free port, with these addresses of stores, to its end.
    pub async fn serve_to_its_end(
        &self,
        redis_url: &str,
        clickhouse_url: &str,
        flags: &[&str],
    ) -> std::process::Output {
        let mut command = super::server::program();
        command.args([
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--redis-url",
            redis_url,
            "--clickhouse-url",
            clickhouse_url,
        ]);
        command.arg("--data-dir").arg(self.data_dir()).args(flags);
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
    }

    /// Ends the server at once, as a crash would.
    pub fn kill_server(&mut self) {
        self.server.kill();
    }

    /// Starts the server again on the same port.
    pub async fn start_server(&mut self) {
        self.server.start_again();
        self.ready().await;
    }

    /// Asks the server to stop; does not wait for it.
    pub fn ask_server_to_stop(&self) {
        self.server.signal(Signal::TERM);
    }

    /// Waits for the end of the server; whether it called that a success.
    pub fn server_ended_well(&mut self) -> bool {
        self.server.wait()
    }

    pub fn kill_redis(&mut self) {
        self.redis.one().kill();
    }

    pub fn restart_redis(&mut self) {
        self.redis.one().restart();
    }

    /// The Redis Cluster of [`TestApp::on_cluster`].
    pub fn cluster(&mut self) -> &mut RedisCluster {
        match &mut self.redis {
            Live::Cluster(cluster) => cluster,
            Live::One(_) => panic!("Redis is no cluster here"),
        }
    }

    pub fn kill_clickhouse(&mut self) {
        self.clickhouse.kill();
    }

    /// Where ClickHouse keeps its files.
    pub fn clickhouse_dir(&self) -> std::path::PathBuf {
        self.clickhouse.data_dir()
    }

    /// Where Redis keeps its files.
    pub fn redis_dir(&self) -> &std::path::Path {
        self.redis.data_dir()
    }

    /// Where all three of them keep their files: Redis, ClickHouse, and the server with its log.
    pub fn directories(&self) -> [std::path::PathBuf; 3] {
        [self.redis_dir().to_owned(), self.clickhouse_dir(), self.directory.path().to_owned()]
    }

    pub fn restart_clickhouse(&mut self) {
        self.clickhouse.restart();
    }

    /// Waits until the server says that it is ready.
    pub async fn ready(&self) -> Reply {
        let anonymous = self.anonymous();
        eventually("the server to be ready", async || {
            Some(anonymous.get("/v1/ready").await).filter(|reply| reply.status == 200)
        })
        .await
    }
}

/// The server on these stores, with `data` in the directory as its own.
fn serve(redis_url: &str, clickhouse: &ClickHouse, directory: &TempDir, flags: &[&str]) -> Server {
    let data_dir = directory.path().join("data");
    let stores = ["--redis-url", redis_url, "--clickhouse-url", clickhouse.url()];
    let own = [&stores[..], &["--data-dir", data_dir.to_str().unwrap()]].concat();
    let flags = own.iter().chain(flags).map(|flag| (*flag).to_owned()).collect();
    Server::start(flags, &directory.path().join("server.log"))
}

/// Another server on the stores of a [`TestApp`]; gone when dropped.
pub struct Node(Server);

impl Node {
    /// Everything that it has logged so far.
    pub fn log(&self) -> String {
        self.0.log()
    }

    /// Its address, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.0.address)
    }
}
