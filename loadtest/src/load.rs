//! The command `run`: offers events by a schedule, whatever the server makes of them, measures, and checks afterwards what
//! became of each.

mod compare;
mod meter;
mod mix;
pub(crate) mod numbers;
mod payload;
mod player;
mod plot;
mod post;
pub(crate) mod processes;
mod report;
mod run;
mod socket;
mod stages;
mod target;
mod verify;
mod watcher;

use std::path::PathBuf;

use clap::Args;

use crate::chaos::progress::Progress;
use crate::descriptors;
use crate::reach::Reach;

pub(crate) use compare::Compare;
#[cfg(test)]
pub(crate) use meter::Meter;
pub(crate) use meter::Span;
pub(crate) use mix::Mix;
pub(crate) use numbers::{brief, millis, millis_json, real, rounded};
pub(crate) use post::is_overload;
pub(crate) use processes::{Processes, Source};
pub(crate) use report::{Report, violations};
pub(crate) use run::{Cast, Playing, seats};
pub(crate) use stages::{Stage, Stages};
pub(crate) use target::{Own, OwnOptions, Target, clickhouse_number};
pub(crate) use verify::verify;

/// Offers events by a schedule, whether earlier ones were answered or not; nothing that is refused is sent again. Latency
/// counts from when an event was due. Afterwards every event is read back: what was acknowledged must be there once, in
/// order and unchanged. Ends with 0 when that holds, 1 when not, 2 when it could not run.
#[derive(Debug, Args)]
#[command(max_term_width = 100)]
pub(crate) struct Load {
    /// Which server.
    #[command(flatten)]
    reach: Reach,
    /// Start a service of its own, without budgets, in place of using a running one. Needs `redis-server`, and
    /// `promptster-server` and `embedded-clickhouse` beside this program.
    #[arg(long)]
    own: bool,
    /// The service of its own.
    #[command(flatten)]
    options: OwnOptions,
    /// Events per second and for how long, one stage after the other; two rates are a ramp: 100:30s,100-500:1m,500:1m.
    #[arg(long, default_value = "50:10s,50-200:10s,200:20s")]
    stages: Stages,
    /// Candidates, each with a session of its own. A server takes 20 events a second of each by HTTP, unless told
    /// otherwise.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=5000))]
    candidates: u16,
    /// Watchers, spread over the sessions; half use WebSocket, half Server-Sent Events.
    #[arg(long, default_value_t = 10)]
    watchers: u16,
    /// How candidates send, by weight: single events by HTTP, batches by HTTP, WebSocket.
    #[arg(long, default_value = "http=2,batch=1,ws=2")]
    mix: Mix,
    /// The share of events of 1 MiB.
    #[arg(long, default_value_t = 0.0005, value_parser = share)]
    large: f64,
    /// Seed of events and choices [default: a random one].
    #[arg(long)]
    seed: Option<u64>,
    /// A process to watch besides those that are known, as NAME=PID; repeat it.
    #[arg(long = "pid", value_name = "NAME=PID", value_parser = named_pid)]
    pids: Vec<(String, u32)>,
    /// Write the report to this file, as JSON.
    #[arg(long)]
    report: Option<PathBuf>,
}

impl Load {
    /// Runs it all.
    pub(crate) async fn run(&self) -> Result<Report, String> {
        descriptors::raise();
        let progress = Progress::start();
        let report = if self.own {
            let own = Box::pin(Own::start(&self.options, |text| progress.say(text))).await?;
            let target = own.target().await?;
            let report = Box::pin(self.play(target, &progress)).await;
            let kept = own.end(report.as_ref().is_ok_and(Report::holds)).await;
            kept.inspect(|path| progress.note(&format!("files are in {}", path.display())));
            report?
        } else {
            let target = Target::running(&self.reach, &self.pids).await?;
            Box::pin(self.play(target, &progress)).await?
        };
        if let Some(path) = &self.report {
            std::fs::write(path, format!("{:#}\n", report.json()))
                .map_err(|error| format!("{}: {error}", path.display()))?;
        }
        Ok(report)
    }

    async fn play(&self, target: Target, progress: &Progress) -> Result<Report, String> {
        let seed = self.seed.unwrap_or_else(|| rand::random::<u32>().into());
        let cast = Cast {
            candidates: usize::from(self.candidates),
            watchers: usize::from(self.watchers),
            mix: self.mix.clone(),
            large: self.large,
            seed,
        };
        let Target { org, sources } = target;
        let mut playing = Box::pin(Playing::begin(org, &cast, |text| progress.say(text))).await?;
        let processes = Processes::watch(sources, playing.epoch());
        progress.say(format!("sending for {:.0} s", self.stages.length().as_secs_f64()));
        let begin = playing.offer(&self.stages).await;
        let played = Box::pin(playing.end(|text| progress.say(text))).await?;
        progress.say("reading everything back");
        let mut report = Report::of(seed, &self.stages, begin, &played.crowd.meter);
        report.processes = processes.samples();
        report.told_by(&played);
        report.violations = verify(&played).await?;
        Ok(report)
    }
}

/// A share between 0 and 1.
fn share(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|share| (0.0..=1.0).contains(share)).ok_or_else(|| "must be 0 to 1".to_owned())
}

fn named_pid(text: &str) -> Result<(String, u32), String> {
    let (name, pid) = text.split_once('=').ok_or("must be like redis=1234")?;
    Ok((name.to_owned(), pid.parse().map_err(|_| "must be like redis=1234".to_owned())?))
}
