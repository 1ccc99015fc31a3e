//! A Redis server, as durable as in production.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::{Process, directory, wait_until};

/// A Redis server on a port of its own, with an empty directory; stopped and removed on drop.
pub struct Redis {
    port: u16,
    // Before the directory, so that the process is gone when its files go.
    process: Process,
    directory: TempDir,
}

impl Redis {
    /// Starts a server and waits until it answers.
    ///
    /// # Panics
    /// When `redis-server` is not installed or does not start.
    #[must_use]
    pub fn start() -> Self {
        Self::start_on(|_| {})
    }

    /// The same, on a directory that was prepared.
    ///
    /// # Panics
    /// When `redis-server` is not installed or does not start.
    #[must_use]
    pub fn start_on(prepare: impl FnOnce(&Path)) -> Self {
        let directory = directory();
        prepare(directory.path());
        // Between finding a free port and taking it, another test may take it.
        for _ in 0..20 {
            let port = free_port();
            if let Some(process) = launch(port, &directory, &[]) {
                return Self { port, process, directory };
            }
        }
        panic!("redis-server did not start");
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Where it keeps its files.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        self.directory.path()
    }

    /// Ends it at once, as a crash would; [`Redis::restart`] brings it back with what was on its disk.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Ends it if it runs, starts it again on the same port with the same files, and waits until it answers.
    ///
    /// # Panics
    /// When it does not start.
    pub fn restart(&mut self) {
        self.kill();
        for _ in 0..20 {
            if let Some(process) = launch(self.port, &self.directory, &[]) {
                self.process = process;
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("redis-server did not start again");
    }
}

pub(crate) fn launch(port: u16, directory: &TempDir, more: &[String]) -> Option<Process> {
    let child = Command::new("redis-server")
        .args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--dir"])
        .arg(directory.path())
        .args(["--appendonly", "yes", "--appendfsync", "always", "--no-appendfsync-on-rewrite", "no"])
        .args(["--maxmemory-policy", "noeviction", "--save", "", "--stream-node-max-entries", "1"])
        // Tests search its files; what they hold is the same.
        .args(["--rdbcompression", "no"])
        .args(more)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .expect("redis-server is installed: run dev/install-redis");
    let mut process = Process(child);
    let pid = process.0.id();
    wait_until(&mut process, || answers(port, pid)).then_some(process)
}

/// Whether the server on the port is the one that was started, and done with reading its files.
fn answers(port: u16, pid: u32) -> bool {
    let ask = |question: &[u8]| -> std::io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        stream.write_all(question)?;
        stream.write_all(b"QUIT\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    let is_ours = ask(b"INFO server\r\n").is_ok_and(|answer| answer.contains(&format!("process_id:{pid}\r\n")));
    is_ours && ask(b"PING\r\n").is_ok_and(|answer| answer.starts_with("+PONG"))
}

pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("a bound socket has an address").port()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(redis: &Redis, question: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", redis.port)).expect("redis listens");
        stream.write_all(format!("{question}\r\nQUIT\r\n").as_bytes()).expect("redis reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("redis answers");
        answer
    }

    #[test]
    fn what_was_acknowledged_is_there_after_a_crash() {
        let mut redis = Redis::start();
        assert!(ask(&redis, "SET key value").starts_with("+OK"));
        redis.kill();
        assert!(TcpStream::connect(("127.0.0.1", redis.port)).is_err());
        redis.restart();
        assert!(ask(&redis, "GET key").contains("value"));
        let other = Redis::start();
        assert_ne!(other.url(), redis.url());
        assert!(ask(&other, "GET key").starts_with("$-1"));
    }
}
