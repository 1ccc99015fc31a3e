//! Scenarios: a service of this program's own in a hard situation, what was measured, and whether what is promised holds.

mod idle;
mod outage;
mod overload;
mod stuck;
mod verdict;

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::chaos::progress::Progress;
use crate::chaos::run::panics;
use crate::descriptors;
use crate::histogram::Histogram;
use crate::load::{Own, OwnOptions, millis};
use verdict::Verdict;

pub(crate) use idle::Idle;
pub(crate) use outage::Outage;
pub(crate) use overload::Overload;
pub(crate) use stuck::Quiet;

/// What all scenarios can be told.
#[derive(Debug, Clone, Args)]
pub(crate) struct Common {
    /// The service of its own.
    #[command(flatten)]
    own: OwnOptions,
    /// A form of seconds, in which times are stated and not judged: for busy machines.
    #[arg(long)]
    short: bool,
    /// Seed of events and choices [default: a random one].
    #[arg(long)]
    seed: Option<u64>,
    /// Write the verdict to this file, as JSON.
    #[arg(long)]
    report: Option<PathBuf>,
}

impl Common {
    fn seed(&self) -> u64 {
        self.seed.unwrap_or_else(|| rand::random::<u32>().into())
    }

    /// As long as said, or short.
    fn length(&self, long: Duration, short_s: u64) -> Duration {
        if self.short { Duration::from_secs(short_s) } else { long }
    }

    /// Starts a service, plays the scenario on it, and ends it.
    async fn run(&self, play: impl AsyncFnOnce(&Own, &Progress) -> Result<Verdict, String>) -> Result<Verdict, String> {
        descriptors::raise();
        let progress = Progress::start();
        let own = Box::pin(Own::start(&self.own, |text| progress.say(text))).await?;
        let mut verdict = Box::pin(play(&own, &progress)).await;
        if let Ok(verdict) = &mut verdict {
            verdict.violations.extend(panics(own.directory(), own.stack.nodes.len()));
        }
        let kept = own.end(verdict.as_ref().is_ok_and(Verdict::holds)).await;
        kept.inspect(|path| progress.note(&format!("files are in {}", path.display())));
        let verdict = verdict?;
        if let Some(path) = &self.report {
            std::fs::write(path, format!("{:#}\n", verdict.json()))
                .map_err(|error| format!("{}: {error}", path.display()))?;
        }
        Ok(verdict)
    }
}

/// Whether something takes as long as before, or so little longer that nobody minds: up to twice as long, or 50 ms more.
fn is_undisturbed(before: &Histogram, now: &Histogram) -> bool {
    match (before.percentile(99).map(millis), now.percentile(99).map(millis)) {
        (Some(before), Some(now)) => now <= (before * 2.0).max(before + 50.0),
        _ => false,
    }
}
