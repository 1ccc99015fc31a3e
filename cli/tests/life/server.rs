//! The real server with its stores, and a wire to it that can be cut.

use serde_json::{Value, json};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};

const PATIENCE: Duration = Duration::from_secs(240);

/// A running `promptster-server dev`, gone with the value.
pub(crate) struct Server {
    process: Child,
    _data: TempDir,
    pub(crate) url: String,
    api_key: String,
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
        let mut command = Command::new(program);
        command.args(["dev", "--listen", "127.0.0.1:0", "--data-dir"]).arg(data.path());
        let mut process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let started = Instant::now();
        let file: Value = loop {
            assert!(process.try_wait().unwrap().is_none(), "the server ended before it was ready");
            assert!(started.elapsed() < PATIENCE, "the server does not start");
            let text = std::fs::read(data.path().join("dev.json")).unwrap_or_default();
            match serde_json::from_slice(&text) {
                Ok(file) => break file,
                Err(_) => std::thread::sleep(Duration::from_millis(50)),
            }
        };
        let _ = rustls::crypto::ring::default_provider().install_default();
        let word = |name: &str| file[name].as_str().unwrap().to_owned();
        Self { process, _data: data, url: word("url"), api_key: word("apiKey"), client: reqwest::Client::new() }
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

/// A wire to the server.
pub(crate) struct Wire {
    pub(crate) url: String,
    is_whole: Arc<AtomicBool>,
}

impl Wire {
    pub(crate) async fn to(server: &Server) -> Self {
        let target = server.url.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let is_whole = Arc::new(AtomicBool::new(true));
        let watched = Arc::clone(&is_whole);
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let (target, watched) = (target.clone(), Arc::clone(&watched));
                tokio::spawn(async move {
                    if !watched.load(Ordering::SeqCst) {
                        return;
                    }
                    let mut far = TcpStream::connect(target).await.unwrap();
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
        Self { url, is_whole }
    }

    pub(crate) fn cut(&self) {
        self.is_whole.store(false, Ordering::SeqCst);
    }

    pub(crate) fn mend(&self) {
        self.is_whole.store(true, Ordering::SeqCst);
    }
}
