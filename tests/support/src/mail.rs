//! A real mail server, with STARTTLS and a password, that a test can tell how to behave.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::{Process, directory};

/// The user and the password that it takes.
const USER: &str = "promptster";
const PASSWORD: &str = "correct-horse-battery-staple";

/// A mail server on a port of its own; stopped and removed on drop.
pub struct MailServer {
    port: u16,
    // Before the directory, so that the process is gone when its files go.
    _process: Process,
    directory: TempDir,
}

impl MailServer {
    /// Starts one that behaves as `modes` say; see `mail/server.py`.
    ///
    /// # Panics
    /// When it does not start, e.g. because `dev/install-mail-server` was not run.
    #[must_use]
    pub fn start(modes: &[&str]) -> Self {
        let directory = directory();
        let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("mail");
        let mut child = Command::new(python())
            .arg(own.join("server.py"))
            .arg(directory.path())
            .args([own.join("cert.pem"), own.join("key.pem")])
            .args([USER, PASSWORD])
            .args(modes)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("Python 3 is installed");
        let stdout = child.stdout.take().expect("its output is piped");
        let process = Process(child);
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).expect("its first line can be read");
        let port = line.trim().parse().expect("aiosmtpd is installed: run dev/install-mail-server");
        Self { port, _process: process, directory }
    }

    /// What a server is told to send mail there.
    #[must_use]
    pub fn flags(&self) -> Vec<String> {
        let certificate = Path::new(env!("CARGO_MANIFEST_DIR")).join("mail/cert.pem");
        [
            "--mail=smtp".to_owned(),
            "--smtp-host=localhost".to_owned(),
            format!("--smtp-port={}", self.port),
            format!("--smtp-ca-file={}", certificate.display()),
            format!("--smtp-user={USER}"),
            format!("--smtp-password={PASSWORD}"),
            "--mail-from=Acme Hiring <hiring@acme.example>".to_owned(),
            "--mail-retry-secs=1".to_owned(),
        ]
        .into()
    }

    /// The password, which nobody is to see.
    #[must_use]
    pub fn password(&self) -> &'static str {
        PASSWORD
    }

    /// The mails that it took, in order.
    ///
    /// # Panics
    /// When its directory cannot be read.
    #[must_use]
    pub fn mails(&self) -> Vec<String> {
        let entries = fs::read_dir(self.directory.path()).expect("its directory");
        let is_whole = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "eml");
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(is_whole).collect();
        paths.sort_by_key(|path| path.file_stem().and_then(|stem| stem.to_string_lossy().parse::<u32>().ok()));
        paths.iter().map(|path| String::from_utf8_lossy(&fs::read(path).expect("a mail")).into_owned()).collect()
    }
}

/// The Python that has what the mail server needs: the first one, or Debian's behind it.
fn python() -> &'static str {
    let has = |python: &&str| {
        let import = Command::new(python).args(["-c", "import aiosmtpd"]).stderr(Stdio::null()).status();
        import.is_ok_and(|status| status.success())
    };
    ["python3", "/usr/bin/python3"].into_iter().find(has).unwrap_or("python3")
}
