//! A ClickHouse engine: the project's own `embedded-clickhouse`.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::{Process, directory, wait_until};

/// A ClickHouse engine on a port of its own, with an empty directory; stopped and removed on drop.
pub struct ClickHouse {
    url: String,
    // Before the directory, so that the process is gone when its files go.
    process: Process,
    directory: TempDir,
}

impl ClickHouse {
    /// Starts an engine and waits until it answers.
    ///
    /// # Panics
    /// When the program is not built or does not start.
    #[must_use]
    pub fn start() -> Self {
        let directory = directory();
        let (process, url) = launch("127.0.0.1:0", &directory);
        Self { url, process, directory }
    }

    /// The address of its HTTP interface.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where it keeps its files.
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// Ends it at once; [`ClickHouse::restart`] brings it back with what was in its directory.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Ends it if it runs, starts it again on the same port with the same data, and waits until it answers.
    ///
    /// # Panics
    /// When it does not start.
    pub fn restart(&mut self) {
        self.kill();
        (self.process, self.url) = launch(self.url.trim_start_matches("http://"), &self.directory);
    }
}

fn launch(listen: &str, directory: &TempDir) -> (Process, String) {
    let port_file = directory.path().join("port");
    // Left over by an engine that was killed.
    drop(fs::remove_file(&port_file));
    let child = Command::new(program())
        .args(["--listen", listen, "--no-fsync", "--nice", "0", "--path"])
        .arg(directory.path().join("data"))
        .arg("--port-file")
        .arg(&port_file)
        .args(["--parent-pid", &std::process::id().to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .expect("embedded-clickhouse starts");
    let mut process = Process(child);
    // The file is written once the server answers, and at once as a whole.
    assert!(
        wait_until(&mut process, || port_file.exists()),
        "embedded-clickhouse did not start; its last words are above. Is libchdb there? Run dev/install-libchdb."
    );
    let address = fs::read_to_string(&port_file).expect("the port file can be read");
    (process, format!("http://{}", address.trim()))
}

/// The program: where the environment says, or else beside the tests.
fn program() -> PathBuf {
    if let Some(path) = env::var_os("PROMPTSTER_EMBEDDED_CLICKHOUSE") {
        return path.into();
    }
    // Tests are in target/<profile>/deps.
    let test = env::current_exe().expect("a test knows its own file");
    let built = test.ancestors().nth(2).map(|directory| directory.join("embedded-clickhouse"));
    let built = built.filter(|path| path.is_file());
    built.expect("embedded-clickhouse is not built: run `make test`, or `cargo build -p embedded-clickhouse` first")
}
