//! The wiring: stores, actors and edge, put together and taken apart in order.

use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::time::Duration;

use actix_web::web;
use anyhow::{Context, ensure};
use clickhouse_schema::EventLog;
use redis_scripts::Redis;

use crate::config::{self, ServeOptions};
use crate::{
    App, Catalogue, Settings, descriptors, erase, http, leftovers, measures, outbox, retention, shutdown, waiting,
    whole,
};

/// Serves with the stores of the options until it is told to stop.
///
/// # Errors
/// When the address is taken, or the tables cannot be brought up to date.
pub async fn run(options: &ServeOptions) -> anyhow::Result<()> {
    let mut stop = std::pin::pin!(shutdown::requested()?);
    let (redis, clickhouse) = (options.stores.redis()?, options.stores.clickhouse()?);
    if redis.peppers.is_empty() {
        tracing::info!("no --pepper-file: secrets are hashed without a pepper");
    }
    measures::begin(options.http.metrics_listen)?;
    let listener = listen(options.http.listen)?;
    let address = listener.local_addr()?;
    let settings = config::settings(&options.http, &options.sessions, &options.limits, address)?;
    let workers = options.http.workers;
    let migrate_within = (!options.no_migrate).then(|| Duration::from_secs(options.store_wait_secs));
    let server = tokio::select! {
        started = Box::pin(Server::start(listener, settings, &redis, &clickhouse, workers, migrate_within)) => started?,
        () = &mut stop => {
            tracing::info!("stopped before it served");
            return Ok(());
        }
    };
    tracing::info!(%address, "serving");
    server.run_until(stop).await
}

/// Takes the address, before anything that takes long.
///
/// # Errors
/// When it is taken already.
pub fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .with_context(|| format!("cannot listen on {address}; --listen (PROMPTSTER_LISTEN) chooses another address"))
}

/// With fewer open files than this a day of hiring is too large for a node.
const FEW_DESCRIPTORS: u64 = 4_096;

/// A server that answers.
pub struct Server {
    app: web::Data<App>,
    http: actix_web::dev::Server,
}

impl Server {
    /// Connects the parts. The tables are brought up to date first, unless `migrate_within` is `None`; a ClickHouse that
    /// does not answer is waited for that long.
    ///
    /// # Errors
    /// When the catalogue of issues or an address of a store cannot be understood, a store refuses the credentials, or the
    /// migration fails.
    pub async fn start(
        listener: TcpListener,
        settings: Settings,
        redis: &redis_scripts::Config,
        clickhouse: &clickhouse_schema::Config,
        workers: Option<NonZeroUsize>,
        migrate_within: Option<Duration>,
    ) -> anyhow::Result<Self> {
        if let Some(allowed) = descriptors::raise().filter(|allowed| *allowed < FEW_DESCRIPTORS) {
            tracing::warn!(allowed, "few open files are allowed: connections beyond them wait");
        }
        let issues = Catalogue::load(settings.issues_file.as_ref())?;
        let redis = Redis::new(redis)?;
        let log = EventLog::new(clickhouse);
        waiting::admitted(&redis).await?;
        if let Some(patience) = migrate_within {
            let applied = waiting::migrate(&redis, &log, &listener, settings.rates.address, patience).await?;
            tracing::info!(applied, "the tables are up to date");
        }
        let workers = match workers {
            Some(workers) => workers,
            None => std::thread::available_parallelism()?,
        };
        let app = web::Data::new(App::new(redis, log, settings, issues)?);
        if let Some(jwt) = &app.jwt {
            jwt.check().await?;
        }
        whole::begin(&app).await;
        let http = http::server::server(app.clone(), listener, workers.get())?;
        Ok(Self { app, http })
    }

    /// What every request can reach.
    #[must_use]
    pub fn app(&self) -> &App {
        &self.app
    }

    /// Answers until `stop`, then finishes what is in flight.
    ///
    /// # Errors
    /// When the server ends by itself, or Redis lost its data.
    pub async fn run_until(self, stop: impl Future<Output = ()>) -> anyhow::Result<()> {
        let handle = self.http.handle();
        let mut http = std::pin::pin!(self.http);
        let is_lost = tokio::select! {
            ended = &mut http => {
                ended?;
                anyhow::bail!("the server ended by itself");
            }
            () = housekeeping(&self.app) => false,
            () = whole::lost(&self.app) => true,
            () = stop => false,
        };
        tokio::join!(shutdown::in_order(&self.app, &handle), http).1?;
        ensure!(!is_lost, "{}", whole::REMEDY);
        Ok(())
    }
}

/// What a node does besides answering, for ever.
async fn housekeeping(app: &App) {
    tokio::join!(
        tidy(app),
        Box::pin(erase::finish_interrupted(app)),
        Box::pin(retention::keep(app)),
        Box::pin(leftovers::remove(app)),
        Box::pin(outbox::keep(app)),
        app.load.watch(&app.redis),
        measures::keep(app),
    );
}

/// How often sessions that nothing comes in for are forgotten.
const TIDY_EVERY: Duration = Duration::from_secs(60);

async fn tidy(app: &App) {
    loop {
        tokio::time::sleep(TIDY_EVERY).await;
        app.actors.tidy();
    }
}
