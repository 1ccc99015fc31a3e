//! ClickHouse is away for minutes while candidates go on.

use std::time::Duration;

use clap::Args;
use tokio::time::{Instant, sleep};

use super::verdict::Verdict;
use super::{Common, is_undisturbed};
use crate::chaos::progress::Progress;
use crate::chaos::redis;
use crate::load::{
    Cast, Own, Playing, Processes, Report, Stage, Stages, Target, brief, clickhouse_number, millis_json, real, rounded,
    verify,
};

/// How long everything may take to be in the log once ClickHouse is back.
const DRAINED_WITHIN: Duration = Duration::from_secs(600);
/// How many events the log has.
const COUNT: &str = "SELECT uniqExact(event_id) FROM promptster.events";
/// From this share of its memory on, in per cent, Redis counts as filling up.
const FILLING: u64 = 70;

/// Stops ClickHouse for minutes while candidates send and watchers watch: no event may be refused, live watching goes on
/// undisturbed, and everything is in the log after ClickHouse is back. Ends with 0 when that holds, 1 when not, 2 when it
/// could not run.
#[derive(Debug, Args)]
#[command(max_term_width = 100)]
pub(crate) struct Outage {
    /// What all scenarios can be told.
    #[command(flatten)]
    common: Common,
    /// How long ClickHouse is away, in minutes.
    #[arg(long, default_value_t = 5.0)]
    minutes: f64,
    /// Events per second.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rate: u32,
    /// Candidates.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=5000))]
    candidates: u16,
    /// Watchers.
    #[arg(long, default_value_t = 20)]
    watchers: u16,
}

impl Outage {
    /// Runs it.
    pub(crate) async fn run(&self) -> Result<Verdict, String> {
        self.common.run(async |own: &Own, progress: &Progress| Box::pin(self.play(own, progress)).await).await
    }

    async fn play(&self, own: &Own, progress: &Progress) -> Result<Verdict, String> {
        let is_short = self.common.short;
        let rate = f64::from(if is_short { self.rate.min(60) } else { self.rate });
        let around = self.common.length(Duration::from_secs(30), 4);
        let away = self.common.length(Duration::from_secs_f64(self.minutes.clamp(0.05, 1440.0) * 60.0), 6);
        let cast = Cast {
            candidates: if is_short { 10 } else { usize::from(self.candidates) },
            watchers: if is_short { 4 } else { usize::from(self.watchers) },
            mix: "http=2,batch=1,ws=2".parse()?,
            large: 0.0005,
            seed: self.common.seed(),
        };
        let Target { org, sources } = own.target().await?;
        let mut playing = Box::pin(Playing::begin(org, &cast, |text| progress.say(text))).await?;
        let processes = Processes::watch(sources, playing.epoch());
        let flat = |length| Stages(vec![Stage::flat(rate, length)]);
        let (stack, crowd) = (&own.stack, std::sync::Arc::clone(&playing.crowd));
        let redis_used = async || redis::info(stack.redis_port, "memory", "used_memory").await;

        progress.say("with ClickHouse");
        let begin = playing.offer(&flat(around)).await;
        let used_before = redis_used().await?;
        progress.note("ClickHouse is stopped");
        stack.clickhouse.hold(true);
        stack.clickhouse.kill().await;
        progress.say(format!("without ClickHouse, for {:.0} s", away.as_secs_f64()));
        let gone = playing.offer(&flat(away)).await;
        let used_after = redis_used().await?;
        stack.clickhouse.hold(false);
        progress.note("ClickHouse is started again");
        let n_acknowledged = async || crowd.meter.between(Duration::ZERO, Duration::MAX).acknowledged;
        let owed = n_acknowledged().await;
        let back = async {
            if !stack.clickhouse_back(DRAINED_WITHIN).await {
                return None;
            }
            let back = Instant::now();
            in_log(stack.clickhouse_port, owed).await.then(|| back.elapsed())
        };
        let afterwards = flat(around);
        let (again, drained) = tokio::join!(playing.offer(&afterwards), back);
        let length = away + around + around;
        let played = Box::pin(playing.end(|text| progress.say(text))).await?;
        let is_all_there = in_log(stack.clickhouse_port, n_acknowledged().await).await;
        progress.say("reading everything back");
        let violations = verify(&played).await?;

        let stages = Stages(vec![Stage::flat(rate, around), Stage::flat(rate, away), Stage::flat(rate, around)]);
        let mut report = Report::of(cast.seed, &stages, begin, &crowd.meter);
        report.processes = processes.samples();
        report.told_by(&played);
        let [before, during, after] =
            [(begin, around), (gone, away), (again, around)].map(|(from, long)| crowd.meter.between(from, from + long));
        for (place, span) in [&before, &during, &after].into_iter().enumerate() {
            report.stages.get_mut(place).map(|stage| stage.1 = span.clone()).unwrap_or_default();
        }
        let per_event = real(used_after.saturating_sub(used_before)) / real(during.acknowledged).max(1.0);
        let full_percent = used_after.saturating_mul(100) / redis::MAX_MEMORY;
        let p99 = [&before, &during, &after].map(|span| span.fan_out.percentile(99));
        let n_refused = report.total.failed;

        let mut verdict = Verdict::new("outage", !is_short, report, violations);
        verdict
            .claim(n_refused == 0, format!("no event was refused in {:.0} s: {n_refused} were", length.as_secs_f64()));
        verdict.timed_claim(
            is_undisturbed(&before.fan_out, &during.fan_out),
            format!(
                "watchers noticed nothing: p99 {} before, {} while it was away, {} afterwards",
                brief(p99[0]),
                brief(p99[1]),
                brief(p99[2])
            ),
        );
        verdict.claim(
            drained.is_some() && is_all_there,
            format!("all {owed} events so far were in the log {} after ClickHouse answered", brief(drained)),
        );
        verdict.claim(
            full_percent < FILLING,
            format!(
                "Redis had room: {:.0} MiB before, {:.0} MiB at the end, {:.1} KiB for each event",
                real(used_before) / 1_048_576.0,
                real(used_after) / 1_048_576.0,
                per_event / 1024.0
            ),
        );
        verdict.figure("fanOutP99Ms", p99.map(millis_json).to_vec());
        verdict.figure("drainedMs", millis_json(drained));
        verdict.figure("redisMib", [used_before, used_after].map(|n| rounded(real(n) / 1_048_576.0)).to_vec());
        verdict.figure("redisBytesPerEvent", rounded(per_event));
        Ok(verdict)
    }
}

/// Waits until the log has so many events.
async fn in_log(port: u16, n: u64) -> bool {
    let deadline = Instant::now() + DRAINED_WITHIN;
    while clickhouse_number(port, COUNT).await.is_none_or(|there| there < n) {
        if Instant::now() > deadline {
            return false;
        }
        sleep(Duration::from_millis(250)).await;
    }
    true
}
