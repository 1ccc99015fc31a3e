//! The loads of a bench, each kept up for a while.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::ValueEnum;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::count::Counts;
use super::events::Events;
use super::{http, raw_log, ws};
use crate::load::processes::Source;

/// Connections of raw writers to Redis, and of WebSockets.
const FEW: usize = 16;
/// Events in a batch by WebSocket, and commands in a pipeline to Redis.
const PIPELINE: usize = 64;
/// Events in a batch by HTTP.
const BATCH: usize = 100;

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Load {
    /// One event a request, to a server that only parses it.
    Edge,
    /// `XADD` of the same bytes, 64 in a pipeline.
    Log,
    /// One event a request.
    Http,
    /// A hundred events a request.
    Batch,
    /// WebSocket, 64 events a frame.
    Ws,
}

impl Load {
    /// All of them.
    pub(crate) const ALL: [Self; 5] = [Self::Edge, Self::Log, Self::Http, Self::Batch, Self::Ws];

    /// For people.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Edge => "edge alone, single events",
            Self::Log => "log alone, 64 in a pipeline",
            Self::Http => "HTTP, single events",
            Self::Batch => "HTTP, batches of 100",
            Self::Ws => "WebSocket, batches of 64",
        }
    }
}

/// Whom it is done to, and by whom.
#[derive(Debug)]
pub(crate) struct Target {
    /// The port of the edge alone.
    pub(crate) edge: u16,
    /// The port of the server.
    pub(crate) server: u16,
    /// The port of Redis.
    pub(crate) redis: u16,
    /// Processes by name.
    pub(crate) processes: Vec<(&'static str, Source)>,
    /// Credentials and events.
    pub(crate) candidates: Vec<(String, Events)>,
}

/// What a load gave.
#[derive(Debug)]
pub(crate) struct Measured {
    /// Which.
    pub(crate) load: Load,
    /// The answers.
    pub(crate) counts: Counts,
    /// In which time.
    pub(crate) took: Duration,
    /// CPU time of each process meanwhile.
    pub(crate) cpu: Vec<(&'static str, Duration)>,
}

impl Measured {
    /// Acknowledged events a second.
    pub(crate) fn per_second(&self) -> u64 {
        self.counts.events.saturating_mul(1000) / u64::try_from(self.took.as_millis()).unwrap_or(u64::MAX).max(1)
    }
}

impl fmt::Display for Measured {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percentile = |percent| self.counts.latency.percentile(percent).unwrap_or_default();
        let (p50, p99) = (percentile(50), percentile(99));
        write!(out, "{:<28} {:>8} events/s   p50 {p50:>8.1?}   p99 {p99:>8.1?}", self.load.name(), self.per_second())?;
        for (name, used) in &self.cpu {
            let per_event = used.as_micros() / u128::from(self.counts.events.max(1));
            write!(out, "   {name} {per_event} µs")?;
        }
        if !self.counts.refused.is_empty() {
            write!(out, "   other answers {:?}", self.counts.refused)?;
        }
        Ok(())
    }
}

/// Keeps a load up for so long.
pub(crate) async fn keep_up(load: Load, target: &Target, time: Duration) -> Result<Measured, String> {
    let stop = Arc::new(AtomicBool::new(false));
    let http = |port, batch, (credential, events): &(String, Events)| {
        let load = http::Load { port, batch, credential: credential.clone(), events: events.clone() };
        http::run(load, Arc::clone(&stop)).boxed()
    };
    let candidates = target.candidates.iter();
    let runs: Vec<BoxFuture<'static, Result<Counts, String>>> = match load {
        Load::Edge => candidates.map(|candidate| http(target.edge, 1, candidate)).collect(),
        Load::Http => candidates.map(|candidate| http(target.server, 1, candidate)).collect(),
        Load::Batch => candidates.take(FEW).map(|candidate| http(target.server, BATCH, candidate)).collect(),
        Load::Ws => candidates
            .take(FEW)
            .map(|(key, events)| {
                ws::run(target.server, key.clone(), events.clone(), PIPELINE, Arc::clone(&stop)).boxed()
            })
            .collect(),
        Load::Log => candidates
            .take(FEW)
            .enumerate()
            .map(|(stream, (_, events))| {
                raw_log::run(target.redis, stream, events.clone(), PIPELINE, Arc::clone(&stop)).boxed()
            })
            .collect(),
    };
    let cpu =
        || -> Vec<Duration> { target.processes.iter().map(|(_, process)| process.cpu().unwrap_or_default()).collect() };
    let (started, before) = (Instant::now(), cpu());
    let mut running: JoinSet<_> = runs.into_iter().collect();
    sleep(time).await;
    stop.store(true, Ordering::Relaxed);
    let mut counts = Counts::default();
    while let Some(run) = running.join_next().await {
        counts.merge(&run.map_err(|error| error.to_string())??);
    }
    let took = started.elapsed();
    let used = cpu().into_iter().zip(before).map(|(after, before)| after.saturating_sub(before));
    let cpu = target.processes.iter().map(|(name, _)| *name).zip(used).collect();
    Ok(Measured { load, counts, took, cpu })
}
