//! `promptster-server dev`: Redis and ClickHouse as child processes, a demo organisation, and the server itself.
//!
//! Invariants, stated as absences:
//! - No two instances on the same data directory, and no child of an earlier one ([`data_dir`], [`process`]).
//! - No child outlives the server, even when the server is killed ([`child`]).
//! - Nothing in the rest of the server knows that its stores are embedded: it gets two addresses.

pub mod backoff;
pub mod child;
pub mod clickhouse;
pub mod data_dir;
pub mod demo;
pub mod files;
pub mod pepper;
pub mod process;
pub mod redis;
pub mod stores;
mod welcome;

use std::net::TcpListener;
use std::path::PathBuf;

use anyhow::{Context, ensure};
use clickhouse_schema::EventLog;
use redis_scripts::Redis;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::config::{self, DevOptions};
use crate::uploads::Uploads;
use crate::{rebuild, serve, shutdown, whole};
use data_dir::{DataDir, remove_if_there};
use files::{DevFile, Pids};
use stores::Stores;

/// Runs until it is told to stop.
///
/// # Errors
/// When something that is needed cannot be had: the data directory, the address, a store.
pub async fn run(options: &DevOptions) -> anyhow::Result<()> {
    let stop = shutdown::requested()?;
    let data_dir = DataDir::open(&options.http.data_dir)?;
    let dev_file = data_dir.join("dev.json");
    remove_if_there(&dev_file)?;
    let listener = serve::listen(options.http.listen)?;
    let stores = Stores::start(&options.children, &data_dir).await?;
    let outcome = serve_until(stop, options, &data_dir, listener, &stores).await;
    stores.stop().await;
    remove_if_there(&dev_file)?;
    outcome
}

async fn serve_until(
    stop: impl Future<Output = ()>,
    options: &DevOptions,
    data_dir: &DataDir,
    listener: TcpListener,
    stores: &Stores,
) -> anyhow::Result<()> {
    let mut stop = std::pin::pin!(stop);
    let (server, news) = tokio::select! {
        started = start(options, data_dir, listener, stores) => started?,
        () = &mut stop => return Ok(()),
    };
    let outcome = server.run_until(stop).await;
    news.abort();
    // Aborted is not ended: it may be in the middle of writing the file that is removed next.
    news.await.ok();
    outcome
}

async fn start(
    options: &DevOptions,
    data_dir: &DataDir,
    listener: TcpListener,
    stores: &Stores,
) -> anyhow::Result<(serve::Server, JoinHandle<()>)> {
    stores.ready().await?;
    if options.rebuild_redis {
        rebuild(options, stores).await?;
    }
    let address = listener.local_addr()?;
    let settings = config::settings(&options.http, &options.sessions, &options.limits, address);
    let server =
        serve::Server::start(listener, settings, &stores.redis, &stores.clickhouse, options.http.workers, true);
    let server = server.await?;
    ensure!(server.app().open.is(), "{}", whole::REMEDY);
    let kept = data_dir.join("demo.json");
    let demo = demo::credentials(&server.app().redis, &kept).await.context("cannot create the demo organisation")?;

    let (redis, clickhouse) = stores.conditions();
    let file = DevFile {
        url: format!("http://{address}"),
        org_id: demo.org_id,
        api_key: demo.api_key,
        redis_url: stores.redis.url.clone(),
        clickhouse_url: with_credentials(&stores.clickhouse),
        pids: Pids { server: std::process::id(), redis: redis.borrow().pid, clickhouse: clickhouse.borrow().pid },
    };
    let path = data_dir.join("dev.json");
    files::write(&path, &file)?;
    stores::say(&welcome::text(&file, &options.http.data_dir)?);
    Ok((server, tokio::spawn(keep_up_to_date(path, file, redis, clickhouse))))
}

/// Nobody else works on these stores: the data directory is locked.
async fn rebuild(options: &DevOptions, stores: &Stores) -> anyhow::Result<()> {
    let (redis, log) = (Redis::new(&stores.redis)?, EventLog::new(&stores.clickhouse));
    let uploads = Uploads::new(&config::uploads(&options.http, &options.limits));
    Box::pin(rebuild::restore(&redis, &log, &uploads)).await
}

fn with_credentials(clickhouse: &clickhouse_schema::Config) -> String {
    let address = clickhouse.url.trim_start_matches("http://");
    format!("http://{}:{}@{address}/?database={}", clickhouse.user, clickhouse.password, clickhouse.database)
}

type Conditions = watch::Receiver<child::Condition>;

/// Writes the file again whenever a child has another process id.
async fn keep_up_to_date(path: PathBuf, mut file: DevFile, mut redis: Conditions, mut clickhouse: Conditions) {
    loop {
        let changed = tokio::select! {
            changed = redis.changed() => changed,
            changed = clickhouse.changed() => changed,
        };
        if changed.is_err() {
            return;
        }
        file.pids.redis = redis.borrow_and_update().pid;
        file.pids.clickhouse = clickhouse.borrow_and_update().pid;
        if let Err(error) = files::write(&path, &file) {
            tracing::error!(error = format!("{error:#}"), "dev.json is out of date");
        }
    }
}
