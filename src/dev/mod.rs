//! `promptster-server dev`: Redis and ClickHouse as child processes, a demo organisation, and the server itself.
//! [`cluster`] is the same with many of each.
//!
//! Invariants, stated as absences:
//! - No two instances on the same data directory, and no child of an earlier one ([`data_dir`], [`process`]).
//! - No child outlives the server, even when the server is killed ([`child`]).
//! - Nothing in the rest of the server knows that its stores are embedded: it gets two addresses.

pub mod backoff;
pub mod balancer;
pub mod child;
pub mod clickhouse;
pub mod cluster;
pub mod data_dir;
pub mod demo;
pub mod files;
mod node;
pub mod pepper;
mod ports;
pub mod process;
pub mod redis;
pub mod stores;
mod supervised;
mod told;
mod welcome;

use std::net::TcpListener;

use anyhow::{Context, ensure};
use clickhouse_schema::EventLog;
use redis_scripts::Redis;
use tokio::task::JoinHandle;

use crate::config::{self, DevOptions, MailWay};
use crate::uploads::Uploads;
use crate::{measures, rebuild, serve, shutdown, waiting, whole};
use data_dir::{DataDir, remove_if_there};
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
    measures::begin(options.http.metrics_listen)?;
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
    let mut http = options.http.clone();
    // A newcomer finds invitations beside the rest.
    http.mail.mail = http.mail.mail.or(Some(MailWay::File));
    let settings = config::settings(&http, &options.sessions, &options.limits, address)?;
    let (workers, patience) = (options.http.workers, Some(waiting::PATIENCE));
    let server = serve::Server::start(listener, settings, &stores.redis, &stores.clickhouse, workers, patience);
    let server = server.await?;
    ensure!(server.app().open.is(), "{}", whole::REMEDY);
    let kept = data_dir.join("demo.json");
    let demo = demo::credentials(&server.app().redis, &kept).await.context("cannot create the demo organisation")?;

    let conditions = stores.conditions();
    let file = told::file(format!("http://{address}"), demo, stores, &conditions);
    let path = data_dir.join("dev.json");
    files::write(&path, &file)?;
    stores::say(&welcome::text(&file, &options.http.data_dir)?);
    Ok((server, tokio::spawn(told::keep_up_to_date(path, file, conditions))))
}

/// Nobody else works on these stores: the data directory is locked.
async fn rebuild(options: &DevOptions, stores: &Stores) -> anyhow::Result<()> {
    let (redis, log) = (Redis::new(&stores.redis)?, EventLog::new(&stores.clickhouse));
    let uploads = Uploads::new(&config::uploads(&options.http, &options.limits));
    Box::pin(rebuild::restore(&redis, &log, &uploads)).await
}
