//! The service that is loaded: one that runs already, or one of this program's own.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use reqwest::Url;
use serde_json::Value;

use super::processes::Source;
use crate::api::Api;
use crate::chaos::fleet::Org;
use crate::chaos::run::make_directory;
use crate::chaos::stack::{Plan, Stack, programs};
use crate::reach::Reach;
use crate::setup;

/// How long to insist while a run is prepared and read back.
const GIVE_UP_AFTER: Duration = Duration::from_secs(120);
/// How long one call may take.
const CALL: Duration = Duration::from_secs(15);

/// A service of this program's own.
#[derive(Debug, Clone, Args)]
pub(crate) struct OwnOptions {
    /// Server nodes of the service.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=16))]
    pub(crate) nodes: u16,
    /// Where the service keeps everything; it must not exist, and stays [default: a directory of the system's for
    /// temporary files, which stays only when something is wrong].
    #[arg(long)]
    pub(crate) dir: Option<PathBuf>,
    /// Where `promptster-server` and `embedded-clickhouse` are [default: beside this program].
    #[arg(long)]
    pub(crate) bin_dir: Option<PathBuf>,
}

/// A service of this program's own, while it runs.
pub(crate) struct Own {
    /// Its parts.
    pub(crate) stack: Stack,
    directory: PathBuf,
    stays: bool,
}

/// A service that is there, and its processes.
pub(crate) struct Target {
    /// The organisation that plays.
    pub(crate) org: Org,
    /// The processes whose use is watched.
    pub(crate) sources: Vec<(String, Source)>,
}

impl Own {
    /// Starts it.
    pub(crate) async fn start(options: &OwnOptions, say: impl Fn(&str)) -> Result<Self, String> {
        let programs = programs(options.bin_dir.as_deref())?;
        let directory = make_directory(options.dir.as_deref(), "promptster-load")?;
        let plan = Plan {
            directory: &directory,
            programs: &programs,
            n_nodes: usize::from(options.nodes),
            appendfsync: "always",
            with_proxies: false,
            with_disks: false,
            with_shim: false,
        };
        let started = Box::pin(Stack::start(&plan, say)).await;
        let stack = started.map_err(|error| format!("{error}\nlogs are in {}", directory.display()))?;
        Ok(Self { stack, directory, stays: options.dir.is_some() })
    }

    /// Its files.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// An organisation at its nodes, with an assessment; and its processes.
    pub(crate) async fn target(&self) -> Result<Target, String> {
        let credentials = self.stack.create_org("Load test").await?;
        let api = |node: &crate::chaos::stack::Node| {
            let server = format!("http://127.0.0.1:{}", node.port);
            Api::with_timeout(&server, &credentials.api_key, GIVE_UP_AFTER, CALL).map(Arc::new)
        };
        let apis: Vec<Arc<Api>> = self.stack.nodes.iter().map(api).collect::<Result<_, _>>()?;
        let assessment = setup::create_assessment(apis.first().ok_or("there are no nodes")?).await?;
        let source = |name: String| (name.clone(), Source::File(self.directory.join("pids").join(name)));
        let nodes = (1..=self.stack.nodes.len()).map(|number| format!("node-{number}"));
        let sources = nodes.chain(["redis".to_owned(), "clickhouse".to_owned()]).map(source).collect();
        Ok(Target { org: Org::of(credentials.org_id.clone(), assessment, apis), sources })
    }

    /// Ends it; its files stay when they are wanted, or when something is wrong. Where they are then.
    pub(crate) async fn end(self, is_fine: bool) -> Option<PathBuf> {
        self.stack.end().await;
        if self.stays || !is_fine {
            return Some(self.directory);
        }
        // Left-overs in a directory for temporary files harm nobody.
        drop(std::fs::remove_dir_all(&self.directory));
        None
    }
}

impl Target {
    /// A service that runs already. `pids` are processes to watch besides those that are known.
    pub(crate) async fn running(reach: &Reach, pids: &[(String, u32)]) -> Result<Self, String> {
        let (server, key) = reach.find()?;
        let api = Arc::new(Api::with_timeout(&server, &key, GIVE_UP_AFTER, CALL)?);
        let org = api.get("/v1/org").await?.json();
        let id = org.pointer("/org/id").and_then(Value::as_str).ok_or("the organisation has no id")?.to_owned();
        let assessment = setup::create_assessment(&api).await?;
        let known = reach.pids().into_iter().chain(pids.iter().cloned());
        let sources = known.map(|(name, pid)| (name, Source::Fixed(pid))).collect();
        Ok(Self { org: Org::of(id, assessment, vec![api]), sources })
    }
}

/// Asks the engine behind a port of this machine, and reads the number that it answers.
pub(crate) async fn clickhouse_number(port: u16, query: &str) -> Option<u64> {
    let mut url = Url::parse(&format!("http://127.0.0.1:{port}/")).ok()?;
    url.query_pairs_mut().append_pair("query", query);
    let client = reqwest::Client::builder().timeout(Duration::from_secs(20)).no_proxy().build().ok()?;
    let answer = client.post(url).send().await.ok()?;
    answer.text().await.ok()?.trim().parse().ok()
}
