//! A process under test.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use clickhouse::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const PATIENCE: Duration = Duration::from_secs(30);

/// A running server with its data; killed and removed when dropped.
pub(crate) struct TestServer {
    directory: TempDir,
    arguments: Vec<String>,
    child: Child,
    pub(crate) address: String,
}

impl TestServer {
    /// Starts a server that does not wait for the disk.
    pub(crate) fn start() -> Self {
        Self::start_with(&["--no-fsync"])
    }

    pub(crate) fn start_with(arguments: &[&str]) -> Self {
        // In memory where possible: the disk of a busy machine takes its time.
        let memory = Path::new("/dev/shm");
        let directory = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() }.unwrap();
        let mut child = command(directory.path()).args(arguments).spawn().unwrap();
        let address = wait_for_address(directory.path(), &mut child);
        Self { directory, arguments: arguments.iter().map(ToString::to_string).collect(), child, address }
    }

    /// Starts another process on the same data.
    pub(crate) fn start_again(&mut self) {
        fs::remove_file(self.directory.path().join("port")).unwrap();
        self.child = command(self.directory.path()).args(&self.arguments).spawn().unwrap();
        self.address = wait_for_address(self.directory.path(), &mut self.child);
    }

    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The end that no process can prepare for.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks the process to end, as a supervisor does.
    pub(crate) fn terminate(&self) {
        let status = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    /// A client of the crate, with a database of its own.
    pub(crate) async fn client(&self, database: &str) -> Client {
        let client = self.client_without_database();
        client.query(&format!("CREATE DATABASE IF NOT EXISTS {database} ENGINE = Atomic")).execute().await.unwrap();
        client.with_database(database)
    }

    pub(crate) fn client_without_database(&self) -> Client {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let http = hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build(connector);
        Client::with_http_client(http).with_url(format!("http://{}", self.address))
    }

    /// Sends bytes as they are and returns all that comes back. The request should say `Connection: close`.
    pub(crate) async fn raw(&self, request: &[u8]) -> Vec<u8> {
        let mut stream = TcpStream::connect(&self.address).await.unwrap();
        stream.write_all(request).await.unwrap();
        let mut reply = Vec::new();
        stream.read_to_end(&mut reply).await.unwrap();
        reply
    }

    /// Posts a statement and returns the reply with its headers.
    pub(crate) async fn post(&self, target: &str, body: &str) -> String {
        let length = body.len();
        let head =
            format!("POST {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
        String::from_utf8(self.raw(format!("{head}{body}").as_bytes()).await).unwrap()
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn binary() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_embedded-clickhouse"))
}

/// The process on a free port, with data and port file in `directory`; gone when the test is gone.
pub(crate) fn command(directory: &Path) -> Command {
    let mut command = Command::new(binary());
    command.args(["--listen", "127.0.0.1:0", "--max-memory-bytes", "1000000000"]);
    command.arg("--parent-pid").arg(std::process::id().to_string());
    command.arg("--path").arg(directory.join("data")).arg("--port-file").arg(directory.join("port"));
    command.stderr(Stdio::piped()).env_remove("EMBEDDED_CLICKHOUSE_PASSWORD");
    command
}

fn wait_for_address(directory: &Path, child: &mut Child) -> String {
    let address = wait_until("the server is ready", || {
        assert!(child.try_wait().unwrap().is_none(), "the server ended before it was ready");
        fs::read_to_string(directory.join("port")).ok()
    });
    // Whatever it still writes is of no interest, but a full pipe would stop it.
    let mut log = child.stderr.take().unwrap();
    std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
    address
}

/// Asks again and again until there is an answer.
pub(crate) fn wait_until<T>(what: &str, mut answer: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = answer() {
            return answer;
        }
        assert!(start.elapsed() < PATIENCE, "waited {PATIENCE:?} until {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
