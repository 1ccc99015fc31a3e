//! Redis without its data, and the command that restores it.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use redis_scripts::keys::Partition;

use super::server::program;
use super::{TestApp, eventually};

impl TestApp {
    /// Waits until ClickHouse has all that the streams hold, and all follows from it that does.
    pub async fn all_is_written(&self) {
        for partition in Partition::all() {
            let stream = partition.stream();
            eventually("the log writer to have written all", async || {
                let groups = self.redis_command(&format!("XINFO GROUPS {stream}")).await;
                let after = |name: &str| groups.split(&format!("{name}\r\n")).nth(1).map(str::to_owned);
                let delivered = after("last-delivered-id")?.split("\r\n").nth(1)?.to_owned();
                let rest = self.redis_command(&format!("XRANGE {stream} ({delivered} + COUNT 1")).await;
                (rest.starts_with("*0") && after("pending")?.starts_with(":0\r\n")).then_some(())
            })
            .await;
        }
    }

    /// Takes everything away that Redis holds.
    pub async fn wipe_redis(&self) {
        assert!(self.redis_command("FLUSHALL").await.starts_with("+OK"));
    }

    /// Everything that Redis holds, but for what belongs to the log writers and what is left of budgets: the names of the
    /// keys, and their content.
    pub async fn redis_content(&self) -> BTreeMap<String, String> {
        let names = self.redis_command("KEYS *").await;
        let is_lasting = |name: &&str| !name.contains(":log") && !name.contains(":budget:");
        let names = names.lines().filter(|name| name.starts_with('{')).filter(is_lasting);
        let mut content = BTreeMap::new();
        for name in names {
            let command = match self.redis_command(&format!("TYPE {name}")).await.lines().next() {
                Some("+string") => format!("GET {name}"),
                Some("+hash") => format!("HGETALL {name}"),
                Some("+set") => format!("SORT {name} BY nosort ALPHA"),
                Some("+zset") => format!("ZRANGE {name} 0 -1 WITHSCORES"),
                other => panic!("{name} is {other:?}"),
            };
            let mut lines: Vec<String> = self.redis_command(&command).await.lines().map(str::to_owned).collect();
            if command.starts_with("HGETALL") || command.starts_with("SORT") {
                lines.sort();
            }
            content.insert(name.to_owned(), lines.join("\n"));
        }
        content
    }

    fn rebuild_command(&self, data_dir: &Path) -> Command {
        let mut command = program();
        command.args(["rebuild-redis", "--redis-url", &self.redis_url(), "--clickhouse-url", self.clickhouse_url()]);
        command.arg("--data-dir").arg(data_dir);
        command
    }

    /// `promptster-server rebuild-redis` to its end.
    pub async fn rebuild_redis(&self) -> Output {
        let mut command = self.rebuild_command(&self.data_dir());
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
    }

    /// The same, which has to end well; what it said.
    pub async fn rebuild_redis_well(&self) -> String {
        let output = self.rebuild_redis().await;
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    }

    /// Begins `promptster-server rebuild-redis`.
    pub fn begin_to_rebuild_redis(&self) -> Child {
        let mut command = self.rebuild_command(&self.data_dir());
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }
}
