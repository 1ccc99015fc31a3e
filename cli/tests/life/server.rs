//! The real server with its stores, and a wire to it that can be cut.

use serde_json::{Value, json};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};

const PATIENCE: Duration = Duration::from_secs(240);

/// A running `promptster-server dev`, gone with the value.
pub(crate) struct Server {
    process: Child,
    data: TempDir,
    pub(crate) url: String,
    pub(crate) api_key: String,
    client: reqwest::Client,
}

impl Server {
    pub(crate) fn start() -> Self {
        let program = Path::new(env!("CARGO_BIN_EXE_promptster")).with_file_name("promptster-server");
        assert!(
            program.exists(),
            "{} is missing: cargo build -p promptster-server -p embedded-clickhouse",
            program.display()
        );
        let data = tempfile::tempdir().unwrap();
        let (process, file) = launch(&program, &data);
        let _ = rustls::crypto::ring::default_provider().install_default();
        let word = |name: &str| file[name].as_str().unwrap().to_owned();
        Self { process, data, url: word("url"), api_key: word("apiKey"), client: reqwest::Client::new() }
    }

    /// Kills the server, stores and all that it knew in memory, and starts it again on what the disk has.
    pub(crate) fn crash(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        std::fs::remove_file(self.data.path().join("dev.json")).unwrap();
        let program = Path::new(env!("CARGO_BIN_EXE_promptster")).with_file_name("promptster-server");
        let (process, file) = launch(&program, &self.data);
        self.process = process;
        file["url"].as_str().unwrap().clone_into(&mut self.url);
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let request = self.client.get(format!("{}{path}", self.url)).bearer_auth(&self.api_key);
        request.send().await.unwrap().json().await.unwrap()
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Value {
        let request = self.client.post(format!("{}{path}", self.url)).bearer_auth(&self.api_key).json(&body);
        request.send().await.unwrap().json().await.unwrap()
    }

    pub(crate) async fn delete(&self, path: &str) {
        let request = self.client.delete(format!("{}{path}", self.url)).bearer_auth(&self.api_key);
        assert_eq!(request.send().await.unwrap().status(), 200);
    }

    /// Records an event as a candidate's hook does.
    pub(crate) async fn hook(&self, key: &str, event: &Value) {
        let request = self.client.post(format!("{}/v1/hooks/ingest", self.url)).header("x-api-key", key).json(event);
        assert_eq!(request.send().await.unwrap().status(), 201);
    }

    /// A new key of a new assessment.
    pub(crate) async fn key(&self) -> String {
        let terms = json!({ "title": "Fix the totals", "role": "Engineer", "taskBrief": "Make the tests pass.", "timeLimitMinutes": 90 });
        let made = self.post("/v1/assessments", terms).await;
        let path = format!("/v1/assessments/{}/keys", made["assessment"]["id"].as_str().unwrap());
        self.post(&path, json!({ "count": 1 })).await["keys"][0]["key"].as_str().unwrap().to_owned()
    }

    /// All events of a session, in the order of their arrival.
    pub(crate) async fn timeline(&self, session: &str) -> Vec<Value> {
        let page = self.get(&format!("/v1/sessions/{session}/timeline?limit=500")).await;
        let mut events = page["events"].as_array().cloned().unwrap_or_else(|| panic!("{page}"));
        events.sort_by_key(|event| event["seq"].as_u64());
        events
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = Command::new("kill").args(["-TERM", &self.process.id().to_string()]).status();
        let _ = self.process.wait();
    }
}

fn launch(program: &Path, data: &TempDir) -> (Child, Value) {
    let mut command = Command::new(program);
    command.args(["dev", "--listen", "127.0.0.1:0", "--data-dir"]).arg(data.path());
    let mut process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let started = Instant::now();
    loop {
        assert!(process.try_wait().unwrap().is_none(), "the server ended before it was ready");
        assert!(started.elapsed() < PATIENCE, "the server does not start");
        let text = std::fs::read(data.path().join("dev.json")).unwrap_or_default();
        match serde_json::from_slice(&text) {
            Ok(file) => return (process, file),
            Err(_) => std::thread::sleep(Duration::from_millis(50)),
        }
    }
}

/// A wire to the server.
pub(crate) struct Wire {
    pub(crate) url: String,
    is_whole: Arc<AtomicBool>,
    lets_websockets: Arc<AtomicBool>,
    target: Arc<Mutex<String>>,
}

impl Wire {
    pub(crate) async fn to(server: &Server) -> Self {
        let target = Arc::new(Mutex::new(String::new()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let is_whole = Arc::new(AtomicBool::new(true));
        let lets_websockets = Arc::new(AtomicBool::new(true));
        let wire = Self { url, is_whole, lets_websockets, target };
        wire.lead_to(server);
        let (watched, lets, target) =
            (Arc::clone(&wire.is_whole), Arc::clone(&wire.lets_websockets), Arc::clone(&wire.target));
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let target = target.lock().unwrap().clone();
                let (watched, lets) = (Arc::clone(&watched), Arc::clone(&lets));
                tokio::spawn(async move {
                    if !watched.load(Ordering::SeqCst) {
                        return;
                    }
                    let mut first = [0; 14];
                    let n_read = near.peek(&mut first).await.unwrap_or(0);
                    if !lets.load(Ordering::SeqCst) && first[..n_read].starts_with(b"GET /v1/stream") {
                        return;
                    }
                    // The server may be down just now.
                    let Ok(mut far) = TcpStream::connect(target).await else { return };
                    let cut = async {
                        while watched.load(Ordering::SeqCst) {
                            tokio::time::sleep(Duration::from_millis(20)).await;
                        }
                    };
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                        () = cut => {}
                    }
                });
            }
        });
        wire
    }

    /// Leads to where the server is now.
    pub(crate) fn lead_to(&self, server: &Server) {
        server.url.trim_start_matches("http://").clone_into(&mut self.target.lock().unwrap());
    }

    /// Lets no WebSocket through any more, as some proxies do.
    pub(crate) fn block_websockets(&self) {
        self.lets_websockets.store(false, Ordering::SeqCst);
        self.cut();
        std::thread::sleep(Duration::from_millis(100));
        self.mend();
    }

    pub(crate) fn cut(&self) {
        self.is_whole.store(false, Ordering::SeqCst);
    }

    pub(crate) fn mend(&self) {
        self.is_whole.store(true, Ordering::SeqCst);
    }
}
