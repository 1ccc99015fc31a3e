//! The server as a process.

use std::env;
use std::fs::{self, File, OpenOptions};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::PATIENCE;

/// The program under test.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_promptster-server");

/// Limits that a test does not meet by accident; its own flags count before these.
const GENEROUS: [&str; 4] =
    ["REQUESTS_PER_MINUTE", "PUBLIC_REQUESTS_PER_MINUTE", "GUESSES_PER_MINUTE", "GUESSES_PER_MINUTE_OVERALL"];

/// A running server, and how to start it again.
pub struct Server {
    child: Child,
    flags: Vec<String>,
    log: PathBuf,
    pub address: SocketAddr,
}

impl Server {
    /// Starts it on a free port; its log goes to `log`.
    pub fn start(flags: Vec<String>, log: &Path) -> Self {
        let listen = "127.0.0.1:0".parse().unwrap();
        let (child, address) = launch(&flags, log, listen);
        Self { child, flags, log: log.to_owned(), address }
    }

    /// Starts another node with the same flags, on a port of its own.
    pub fn sibling(&self, log: &Path) -> Self {
        Self::start(self.flags.clone(), log)
    }

    /// Starts it again on the same port, after it was stopped or killed.
    pub fn start_again(&mut self) {
        (self.child, self.address) = launch(&self.flags, &self.log, self.address);
    }

    /// The same, and does not wait until it serves.
    pub fn begin_again(&mut self) {
        self.child = begin(&self.flags, &self.log, self.address);
    }

    /// Asks it to stop, and waits until it has; tells whether it called that a success.
    pub fn stop(&mut self) -> bool {
        self.signal(Signal::TERM);
        self.wait()
    }

    /// Ends it as a power cut would.
    pub fn kill(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for its end.
    pub fn wait(&mut self) -> bool {
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.success();
            }
            assert!(started.elapsed() < PATIENCE, "the server does not stop");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// All that it has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() || env::var_os("TEST_LOG").is_some() {
            eprintln!("--- the server's log ---\n{}--- end of the server's log ---", self.log());
        }
    }
}

/// The program, with nothing of the environment that would configure it.
pub fn program() -> Command {
    let mut command = Command::new(PROGRAM);
    for (name, _) in env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PROMPTSTER_")) {
        command.env_remove(name);
    }
    command.stdin(Stdio::null());
    command
}

/// What `serve --help` says.
pub fn serve_help() -> String {
    let output = program().args(["serve", "--help"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn launch(flags: &[String], log: &Path, listen: SocketAddr) -> (Child, SocketAddr) {
    let from = fs::metadata(log).map_or(0, |file| usize::try_from(file.len()).unwrap());
    let mut child = begin(flags, log, listen);
    let started = Instant::now();
    loop {
        let text = fs::read_to_string(log).unwrap();
        if let Some(address) = text[from..].lines().find_map(address) {
            return (child, address);
        }
        let ended = child.try_wait().unwrap();
        assert!(ended.is_none() && started.elapsed() < PATIENCE, "the server did not start; its log:\n{text}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn begin(flags: &[String], log: &Path, listen: SocketAddr) -> Child {
    let log_file = || -> File { OpenOptions::new().create(true).append(true).open(log).unwrap() };
    let mut command = program();
    command.args(["serve", "--log-format", "json", "--workers", "2", "--listen", &listen.to_string()]).args(flags);
    for budget in GENEROUS {
        command.env(format!("PROMPTSTER_{budget}"), "1000000");
    }
    command.stdout(log_file()).stderr(log_file()).spawn().unwrap()
}

/// The address in the line that says that the server serves.
fn address(line: &str) -> Option<SocketAddr> {
    let line: Value = serde_json::from_str(line).ok()?;
    let address = (line["message"] == "serving").then(|| line["address"].as_str())??;
    address.parse().ok()
}
