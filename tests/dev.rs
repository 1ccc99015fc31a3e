//! `promptster-server dev` as an operator meets it: with its real children, signals, and deaths.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail where it stands")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(120);

fn wait_until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(started.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn kill(pid: u64, signal: Signal) {
    kill_process(Pid::from_raw(i32::try_from(pid).unwrap()).unwrap(), signal).unwrap();
}

/// Whether a process runs; one that is dead and not yet waited for does not.
fn runs(pid: u64) -> bool {
    Command::new("kill").args(["-0", &pid.to_string()]).stderr(Stdio::null()).status().unwrap().success()
        && !fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.is_empty())
}

/// A `dev`, or a `cluster`.
struct Dev {
    process: Child,
    data: PathBuf,
}

impl Dev {
    fn command(data: &Path) -> Command {
        Self::command_of("dev", data)
    }

    fn command_of(verb: &str, data: &Path) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_promptster-server"));
        command.args([verb, "--listen", "127.0.0.1:0", "--data-dir"]).arg(data);
        command.stdout(Stdio::null());
        command
    }

    fn start(data: &Path) -> (Self, Value) {
        Self::wait(Self::command(data).spawn().unwrap(), data)
    }

    fn wait(process: Child, data: &Path) -> (Self, Value) {
        let mut dev = Self { process, data: data.to_owned() };
        let mine = u64::from(dev.process.id());
        let file = wait_until("dev.json", || {
            assert!(dev.process.try_wait().unwrap().is_none(), "dev ended before it was ready");
            dev.file().filter(|file| file["pids"]["server"] == mine)
        });
        (dev, file)
    }

    fn file(&self) -> Option<Value> {
        serde_json::from_slice(&fs::read(self.data.join("dev.json")).ok()?).ok()
    }

    fn start_cluster(data: &Path) -> (Self, Value) {
        Self::wait(Self::command_of("cluster", data).spawn().unwrap(), &data.join("cluster"))
    }

    /// Asks it to stop and returns whether it called that a success.
    fn stop(mut self) -> bool {
        kill(self.process.id().into(), Signal::TERM);
        self.process.wait().unwrap().success()
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// The status of a `GET` without a body, by hand: this is the only request here.
fn status_of(url: &str, path: &str) -> Option<u16> {
    use std::io::{Read, Write};
    let address = url.trim_start_matches("http://");
    let mut stream = std::net::TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    answer.split_whitespace().nth(1)?.parse().ok()
}

#[test]
fn it_starts_keeps_its_stores_running_and_stops_with_them() {
    let directory = TempDir::new().unwrap();
    let data = directory.path().join("data");
    let (dev, file) = Dev::start(&data);
    let url = file["url"].as_str().unwrap();
    assert_eq!(status_of(url, "/v1/ready"), Some(200));
    for name in ["dev.json", "demo.json", "redis/redis.conf"] {
        assert_eq!(fs::metadata(data.join(name)).unwrap().permissions().mode() & 0o777, 0o600, "{name}");
    }

    let second = Dev::command(&data).stderr(Stdio::piped()).output().unwrap();
    assert!(!second.status.success());
    let refusal = String::from_utf8(second.stderr).unwrap();
    assert!(refusal.contains("is in use by another promptster-server"), "{refusal}");
    assert!(dev.file().is_some(), "the refused one has taken the file of the other");

    for child in ["redis", "clickhouse"] {
        let old = file["pids"][child].as_u64().unwrap();
        kill(old, Signal::KILL);
        wait_until("another process", || dev.file()?["pids"][child].as_u64().filter(|pid| *pid != old));
        wait_until("the server to be ready again", || (status_of(url, "/v1/ready")? == 200).then_some(()));
    }

    let file = dev.file().unwrap();
    assert!(dev.stop());
    for child in ["redis", "clickhouse"] {
        assert!(!runs(file["pids"][child].as_u64().unwrap()), "{child} still runs");
    }
    assert!(!data.join("dev.json").exists());
}

#[test]
fn after_a_hard_death_it_starts_again_on_the_same_data() {
    let directory = TempDir::new().unwrap();
    let (mut dev, before) = Dev::start(directory.path());
    kill(dev.process.id().into(), Signal::KILL);
    dev.process.wait().unwrap();
    // What a file system may leave at the end of a file that was being written when the power failed.
    wait_until("redis to stop with its parent", || (!runs(before["pids"]["redis"].as_u64()?)).then_some(()));
    let files = fs::read_dir(directory.path().join("redis/appendonlydir")).unwrap();
    let newest = files.map(|entry| entry.unwrap().path()).find(|path| path.to_string_lossy().ends_with(".incr.aof"));
    let mut content = fs::read(newest.as_ref().unwrap()).unwrap();
    content.extend([0; 100]);
    fs::write(newest.unwrap(), content).unwrap();

    let (dev, after) = Dev::start(directory.path());
    assert_eq!(after["apiKey"], before["apiKey"], "the organisation has gone with the crash");
    assert_eq!(status_of(after["url"].as_str().unwrap(), "/v1/ready"), Some(200));
    let clickhouse = before["pids"]["clickhouse"].as_u64().unwrap();
    assert!(!runs(clickhouse) || after["pids"]["clickhouse"] == clickhouse, "the old clickhouse still runs");
    let copies = fs::read_dir(directory.path().join("redis")).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(copies.filter(|name| name.to_string_lossy().contains("damaged")).count(), 1, "no copy was kept");
    assert!(dev.stop());
}

/// Waits until ClickHouse knows the demo organisation and its key.
fn wait_until_written(file: &Value) {
    let url = file["clickhouseUrl"].as_str().unwrap().trim_start_matches("http://");
    let (credentials, address) = url.split_once('@').unwrap();
    let (user, password) = credentials.split_once(':').unwrap();
    let log = clickhouse_schema::EventLog::new(&clickhouse_schema::Config {
        url: format!("http://{}", address.split('/').next().unwrap()),
        user: user.to_owned(),
        password: password.to_owned(),
        ..clickhouse_schema::Config::default()
    });
    let org = domain::OrgId::sample(file["orgId"].as_str().unwrap().parse().unwrap());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    wait_until("the organisation in ClickHouse", || {
        let found = runtime.block_on(log.list_entities(org, ("", ""), 9)).ok()?;
        let has = |kind: &str| found.iter().any(|row| row.kind == kind);
        (has("org") && has("api_key")).then_some(())
    });
}

#[test]
fn when_redis_has_lost_its_files_it_says_so_and_restores_them_when_told_to() {
    let directory = TempDir::new().unwrap();
    let (dev, before) = Dev::start(directory.path());
    wait_until_written(&before);
    assert!(dev.stop());
    fs::remove_dir_all(directory.path().join("redis")).unwrap();

    let refused = Dev::command(directory.path()).stderr(Stdio::piped()).output().unwrap();
    let refusal = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success() && refusal.contains("dev --rebuild-redis"), "{refusal}");

    let mut command = Dev::command(directory.path());
    let (dev, after) = Dev::wait(command.arg("--rebuild-redis").spawn().unwrap(), directory.path());
    assert_eq!(after["apiKey"], before["apiKey"], "another key was made");
    assert_eq!(after["orgId"], before["orgId"]);
    assert_eq!(status_of(after["url"].as_str().unwrap(), "/v1/ready"), Some(200));
    assert!(dev.stop());
}

#[test]
fn a_cluster_of_nodes_survives_its_parts_and_is_the_same_when_it_is_started_again() {
    let directory = TempDir::new().unwrap();
    let (cluster, before) = Dev::start_cluster(directory.path());
    let url = before["url"].as_str().unwrap();
    let is_ready = || (status_of(url, "/v1/ready")? == 200).then_some(());
    wait_until("the balancer to pass requests on", is_ready);
    let pids = before["pids"].as_object().unwrap();
    let count = |name: &str| pids.keys().filter(|child| child.starts_with(name)).count();
    assert_eq!((count("redis-"), count("node-"), count("clickhouse")), (6, 3, 1));
    for secret in ["redis-1/redis.conf", "dev.json", "ports.json"] {
        let mode = fs::metadata(directory.path().join("cluster").join(secret)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{secret}");
    }

    // A master and a node at once: the balancer leads around the node, the replica takes over for the master.
    for child in ["redis-1", "node-2"] {
        kill(pids[child].as_u64().unwrap(), Signal::KILL);
    }
    wait_until("the balancer to lead around the node", || (status_of(url, "/v1/health")? == 200).then_some(()));
    for child in ["redis-1", "node-2"] {
        let old = &pids[child];
        wait_until("another process", || cluster.file()?["pids"][child].as_u64().filter(|pid| old != pid));
    }
    wait_until("the nodes to be ready again", is_ready);
    let after = cluster.file().unwrap();
    assert!(cluster.stop());
    for (child, pid) in after["pids"].as_object().unwrap() {
        assert!(child == "server" || !runs(pid.as_u64().unwrap()), "{child} still runs");
    }

    let (cluster, again) = Dev::start_cluster(directory.path());
    assert_eq!(again["apiKey"], before["apiKey"], "what the cluster held is not there");
    assert_eq!(again["redisUrl"].as_str().unwrap().split(',').count(), 6);
    let url = again["url"].as_str().unwrap();
    wait_until("the balancer to pass requests on", || (status_of(url, "/v1/ready")? == 200).then_some(()));
    assert!(cluster.stop());
}
