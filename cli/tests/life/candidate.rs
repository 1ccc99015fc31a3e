//! A candidate's machine: a repository with settings of its own, and the real binary.

use super::server::Wire;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

pub(crate) struct Candidate {
    folder: TempDir,
    pub(crate) root: PathBuf,
}

/// What a command printed, and how it ended.
pub(crate) struct Printed {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Printed {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|_| panic!("{} {}", self.out, self.err))
    }
}

impl Candidate {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(folder.path()).unwrap().join("work");
        fs::create_dir_all(root.join(".claude")).unwrap();
        fs::write(root.join("a.py"), "def total(x):\n    return x\n").unwrap();
        fs::write(root.join(".claude/settings.local.json"), "{ \"permissions\": {\"allow\":[ \"Bash(ls)\"]} }")
            .unwrap();
        let git = |arguments: &[&str]| {
            let mut command = std::process::Command::new("git");
            command.arg("-C").arg(&root).args(["-c", "user.name=n", "-c", "user.email=e@example.com"]).args(arguments);
            assert!(command.status().unwrap().success(), "{arguments:?}");
        };
        git(&["init", "-q"]);
        git(&["add", "a.py"]);
        git(&["commit", "-qm", "first"]);
        Self { folder, root }
    }

    pub(crate) async fn run(&self, arguments: &[&str], input: &str) -> Printed {
        let mut command = Command::new(env!("CARGO_BIN_EXE_promptster"));
        command.args(arguments);
        self.finish(command, input).await
    }

    /// The same, and nothing is started in the background.
    pub(crate) async fn run_alone(&self, arguments: &[&str], input: &str) -> Printed {
        let mut command = Command::new(env!("CARGO_BIN_EXE_promptster"));
        command.args(arguments).env("PROMPTSTER_NO_BACKGROUND", "1");
        self.finish(command, input).await
    }

    /// A hook whose files may not grow beyond so many blocks of 512 bytes, as on a disk that is full.
    pub(crate) async fn hook_on_a_full_disk(&self, blocks: u64, mut payload: Value) -> Printed {
        payload["cwd"] = self.root.to_str().unwrap().into();
        let mut command = Command::new("sh");
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" hook claude-code");
        command.args(["-c", &script, env!("CARGO_BIN_EXE_promptster")]).env("PROMPTSTER_NO_BACKGROUND", "1");
        self.finish(command, &payload.to_string()).await
    }

    /// The home of the person.
    pub(crate) fn home(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// A file of the workspace's state.
    pub(crate) fn state(&self, name: &str) -> PathBuf {
        self.root.join(".promptster").join(name)
    }

    async fn finish(&self, mut command: Command, input: &str) -> Printed {
        command.current_dir(&self.root);
        for name in [
            "PROMPTSTER_API_URL",
            "PROMPTSTER_KEY",
            "CLAUDE_PROJECT_DIR",
            "CURSOR_PROJECT_DIR",
            "CLAUDE_CONFIG_DIR",
            "CODEX_HOME",
            "XDG_CONFIG_HOME",
        ] {
            command.env_remove(name);
        }
        command.env("HOME", self.folder.path());
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // A command that does not read may be over by now.
        let _ = process.stdin.take().unwrap().write_all(input.as_bytes()).await;
        let output = process.wait_with_output().await.unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Printed { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Starts; the session's id.
    pub(crate) async fn start(&self, wire: &Wire, key: &str) -> String {
        let printed =
            self.run(&["start", key, "--server", &wire.url, "--workspace", ".", "--accept-tos", "--json"], "").await;
        let told = printed.json();
        assert_eq!((&told["ok"], &told["problems"]), (&true.into(), &serde_json::json!([])), "{told}");
        told["sessionId"].as_str().unwrap().to_owned()
    }

    /// What a tool does with its hook.
    pub(crate) async fn hook(&self, tool: &str, mut payload: Value) -> String {
        payload["cwd"] = self.root.to_str().unwrap().into();
        if tool == "cursor" {
            payload["workspace_roots"] = serde_json::json!([self.root]);
        }
        let printed = self.run(&["hook", tool], &payload.to_string()).await;
        assert_eq!((printed.code, printed.err.as_str()), (0, ""));
        printed.out
    }

    /// Waits until a look at the status satisfies.
    pub(crate) async fn until(&self, is_so: impl Fn(&Value) -> bool) -> Value {
        let started = Instant::now();
        loop {
            let status = self.run(&["status", "--json"], "").await.json();
            if is_so(&status) {
                return status;
            }
            assert!(started.elapsed() < Duration::from_secs(90), "waited in vain: {status}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Every file but those of git's own store, with its content.
    pub(crate) fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        let mut folders = vec![self.root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap().flatten() {
                let path = entry.path();
                let name = path.strip_prefix(&self.root).unwrap().display().to_string();
                if path.is_dir() && !name.starts_with(".git/objects") {
                    files.insert(format!("{name}/"), Vec::new());
                    folders.push(path);
                } else if path.is_file() && name != ".git/index" {
                    files.insert(name, fs::read(&path).unwrap());
                }
            }
        }
        files
    }
}

impl Drop for Candidate {
    /// No streamer outlives its test.
    fn drop(&mut self) {
        let _ = fs::write(self.root.join(".promptster/stop"), "");
        let state = fs::read(self.root.join(".promptster/streamer.json")).unwrap_or_default();
        let state: Value = serde_json::from_slice(&state).unwrap_or_default();
        if let Some(pid) = state["pid"].as_u64() {
            let _ = std::process::Command::new("kill").arg(pid.to_string()).stderr(Stdio::null()).status();
        }
    }
}
