//! `promptster-server rebuild-redis`: puts everything that ClickHouse holds back into a Redis that lost it. May be
//! interrupted and repeated: each step does nothing where its work is done, and Redis counts as whole only after the last.
//!
//! Invariants, stated as absences:
//! - Nothing is restored over something newer, and nothing is taken away.
//! - No request is answered, no event recorded and nothing due is done while this runs.
//! - Nothing is held in memory that grows with what is restored: everything is read in pages.

mod org;
mod progress;
mod session;

use std::time::Duration;

use anyhow::{Context, ensure};
use clickhouse_schema::EventLog;
use redis_scripts::{Redis, Wholeness};

use crate::config::RebuildOptions;
use crate::uploads::{UploadSettings, Uploads};
use org::Restorer;
use progress::Progress;

/// Organisations that are asked for at once.
const ORGS_AT_ONCE: usize = 100;

/// By then a server that runs on a Redis whose data has gone has given a sign of life and found out.
const NOTICED_WITHIN: Duration = Duration::from_millis(2_500);

/// Restores the Redis of the options.
///
/// # Errors
/// When a store does not answer, or a server works on that Redis. What was restored until then stays.
pub async fn run(options: &RebuildOptions) -> anyhow::Result<()> {
    let redis = Redis::new(&options.stores.redis()?)?;
    let log = EventLog::new(&options.stores.clickhouse()?);
    refuse_if_in_use(&redis).await?;
    let settings = UploadSettings { dir: options.data_dir.join("uploads"), ..UploadSettings::default() };
    restore(&redis, &log, &Uploads::new(&settings)).await
}

async fn refuse_if_in_use(redis: &Redis) -> anyhow::Result<()> {
    if redis.wholeness().await? != Wholeness::Whole {
        tokio::time::sleep(NOTICED_WITHIN).await;
    }
    // A server on a Redis that is not whole does nothing, and goes on when it is.
    let in_use = redis.has_living_writer().await? && redis.wholeness().await? == Wholeness::Whole;
    ensure!(
        !in_use,
        "a server works on this Redis, or did so five seconds ago; stop it first, so that nothing changes meanwhile"
    );
    Ok(())
}

/// Restores a Redis on which nobody works, and says on standard output how far it has come.
///
/// # Errors
/// When a store does not answer.
pub async fn restore(redis: &Redis, log: &EventLog, uploads: &Uploads) -> anyhow::Result<()> {
    log.migrate().await.context("cannot bring the tables of ClickHouse up to date")?;
    redis.load_scripts().await?;
    redis.prepare_log().await?;
    redis.begin_rebuild().await?;
    let progress = Progress::begin();
    let restorer = Restorer { redis, log, uploads, progress: &progress };
    let mut last = None;
    loop {
        let orgs = log.list_orgs(last, ORGS_AT_ONCE).await?;
        for org in &orgs {
            Box::pin(restorer.org(*org)).await.with_context(|| format!("organisation {org} is not restored"))?;
            progress.org_done();
        }
        last = orgs.last().copied();
        if last.is_none() {
            break;
        }
    }
    redis.finish_rebuild().await?;
    progress.finish();
    Ok(())
}
