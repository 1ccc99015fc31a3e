//! Cleans up behind this program even when it is killed: a shell that waits for the end of a pipe, then kills every
//! process of the run and takes its file systems away.

use std::path::Path;
use std::process::Stdio;

use tokio::process::{Child, Command};

/// A process is of this run when its id stands in a file of `pids/` and the run's directory in its command line, since
/// numbers are used again.
const SCRIPT: &str = r#"
read -r _
for file in "$1"/pids/*; do
    pid=$(cat "$file" 2>/dev/null) || continue
    grep -qaF -e "$1/" "/proc/$pid/cmdline" 2>/dev/null && kill -s KILL -- "-$pid" 2>/dev/null
done
for mount in "$1"/redis "$1"/clickhouse; do
    grep -qF " $mount " /proc/mounts && umount -l "$mount"
done
exit 0
"#;

/// The guard; it does its work when the value ends, however that happens.
#[derive(Debug)]
pub(crate) struct Guard {
    /// Its standard input is the pipe.
    shell: Child,
}

impl Guard {
    /// Guards what runs in `directory`.
    pub(crate) fn start(directory: &Path) -> Result<Self, String> {
        let mut command = Command::new("sh");
        command.args(["-c", SCRIPT, "chaos-guard"]).arg(directory);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        let shell = command.spawn().map_err(|error| format!("cannot start a shell: {error}"))?;
        Ok(Self { shell })
    }

    /// Lets it do its work, and waits for it.
    pub(crate) async fn finish(mut self) {
        drop(self.shell.stdin.take());
        // Whether it had something to do says nothing about the run.
        drop(self.shell.wait().await);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::process::ExitStatusExt;

    #[tokio::test]
    async fn it_kills_what_is_of_the_run_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("pids")).unwrap();
        let start = |file: &str, script: String| {
            let child = Command::new("sh").args(["-c", &script]).process_group(0).kill_on_drop(true).spawn().unwrap();
            fs::write(directory.path().join("pids").join(file), child.id().unwrap().to_string()).unwrap();
            child
        };
        let mut ours = start("a", format!("sleep 300; : {}/x", directory.path().display()));
        let mut other = start("b", "exec sleep 300".into());
        Guard::start(directory.path()).unwrap().finish().await;
        assert_eq!(ours.wait().await.unwrap().signal(), Some(9));
        assert!(other.try_wait().unwrap().is_none());
    }
}
