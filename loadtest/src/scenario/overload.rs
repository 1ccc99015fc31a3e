//! Three times as many events as the service can take.

use std::time::Duration;

use clap::Args;
use tokio::time::sleep;

use super::verdict::Verdict;
use super::{Common, is_undisturbed};
use crate::chaos::progress::Progress;
use crate::load::{
    Cast, Mix, Own, Playing, Processes, Report, Span, Stage, Stages, Target, brief, is_overload, millis_json, real,
    rounded, verify,
};

/// How many times what the service can take is offered.
const TIMES: f64 = 3.0;
/// The share of the best rate that must still be taken.
const GOODPUT: f64 = 0.8;
/// The share of the best rate at which latency is normal.
const NORMAL: f64 = 0.3;
/// How much faster each step of the search is.
const STEP: f64 = 1.4;
/// How late events may be at a rate that the service can take for long.
const IN_TIME: Duration = Duration::from_millis(500);
/// How soon latency is to be normal again.
const NORMAL_WITHIN: Duration = Duration::from_secs(5);

/// Offers three times as many events as the service can take: at least 80 % of what it can take must still be taken, what
/// is refused must be told when to come again, memory stays bounded, and latency is normal again soon. Clients honour
/// nothing that they are told. Ends with 0 when that holds, 1 when not, 2 when it could not run.
#[derive(Debug, Args)]
#[command(max_term_width = 100)]
pub(crate) struct Overload {
    /// What all scenarios can be told.
    #[command(flatten)]
    common: Common,
    /// Events per second that the service can take [default: found by stages].
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    rate: Option<u32>,
    /// How long the overload lasts, in seconds.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(5..=3600))]
    seconds: u64,
    /// Candidates.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u16).range(1..=5000))]
    candidates: u16,
    /// How candidates send, by weight.
    #[arg(long, default_value = "http=2,batch=1,ws=2")]
    mix: Mix,
    /// Memory that a node may take, in MiB. The default: 8,192 connections at work of 70 KiB each, two copies of the
    /// 256 MiB that may be in flight, and the rest for all else.
    #[arg(long, default_value_t = 1536)]
    max_rss_mib: u32,
}

impl Overload {
    /// Runs it.
    pub(crate) async fn run(&self) -> Result<Verdict, String> {
        self.common.run(async |own: &Own, progress: &Progress| Box::pin(self.play(own, progress)).await).await
    }

    async fn play(&self, own: &Own, progress: &Progress) -> Result<Verdict, String> {
        let is_short = self.common.short;
        let cast = Cast {
            candidates: if is_short { 30 } else { usize::from(self.candidates) },
            watchers: 4,
            mix: self.mix.clone(),
            large: 0.0005,
            seed: self.common.seed(),
        };
        let Target { org, sources } = own.target().await?;
        let mut playing = Box::pin(Playing::begin(org, &cast, |text| progress.say(text))).await?;
        let processes = Processes::watch(sources, playing.epoch());

        let step = self.common.length(Duration::from_secs(8), 2);
        let best = self.best(&mut playing, step, progress).await?;
        // What the search left behind is done.
        sleep(self.common.length(Duration::from_secs(5), 1)).await;
        let around = self.common.length(Duration::from_secs(20), 3);
        let length = self.common.length(Duration::from_secs(self.seconds), 4);
        let stages = Stages(vec![
            Stage::flat(best * NORMAL, around),
            Stage::flat(best * TIMES, length),
            Stage::flat(best * NORMAL, NORMAL_WITHIN + around),
        ]);
        progress.note(&format!("the service takes {best:.0}/s; {:.0}/s are offered", best * TIMES));
        progress.say("overload");
        let begin = playing.offer(&stages).await;
        let played = Box::pin(playing.end(|text| progress.say(text))).await?;
        progress.say("reading everything back");
        let violations = verify(&played).await?;

        let meter = &played.crowd.meter;
        let mut report = Report::of(cast.seed, &stages, begin, meter);
        report.processes = processes.samples();
        report.told_by(&played);
        let peak_begin = begin + around;
        let peak_end = peak_begin + length;
        let before = meter.between(begin, peak_begin);
        let during = meter.between(peak_begin, peak_end);
        let after = meter.between(peak_end + NORMAL_WITHIN, peak_end + NORMAL_WITHIN + around);
        let goodput = real(during.acknowledged) / length.as_secs_f64();
        let foreign: Vec<String> = report.failures.keys().filter(|why| !is_overload(why)).cloned().collect();
        let names = (1..=own.stack.nodes.len()).map(|number| format!("node-{number}"));
        let rss = |from, to| names.clone().map(|name| processes.peak_mib(&name, from, to)).fold(0.0, f64::max);
        let (rss_before, rss_peak) = (rss(begin, peak_begin), rss(peak_begin, Duration::from_secs(86_400)));
        let p99 = [&before, &during, &after].map(|span| span.ack.percentile(99));
        let told = if foreign.is_empty() { "yes".to_owned() } else { format!("{foreign:?}") };

        let mut verdict = Verdict::new("overload", !is_short, report, violations);
        verdict.timed_claim(
            goodput >= GOODPUT * best,
            format!(
                "{goodput:.0}/s of {:.0}/s were taken: {:.0} % of {best:.0}/s",
                best * TIMES,
                goodput / best * 100.0
            ),
        );
        verdict.claim(
            foreign.is_empty(),
            format!("everything else was refused with 429 or 503 and a time to come again: {told}"),
        );
        verdict.claim(
            rss_peak <= f64::from(self.max_rss_mib),
            format!("a node took {rss_before:.0} MiB before and {rss_peak:.0} MiB at most, of {}", self.max_rss_mib),
        );
        verdict.timed_claim(
            is_undisturbed(&before.ack, &after.ack),
            format!(
                "answers were as fast as before 5 s after it: p99 {} before, {} during it, {} afterwards",
                brief(p99[0]),
                brief(p99[1]),
                brief(p99[2])
            ),
        );
        verdict.figure("bestPerSecond", rounded(best));
        verdict.figure("goodputPerSecond", rounded(goodput));
        verdict.figure("goodputShare", (goodput / best * 1000.0).round() / 1000.0);
        verdict.figure("nodeRssMib", vec![rounded(rss_before), rounded(rss_peak)]);
        verdict.figure("ackP99Ms", p99.map(millis_json).to_vec());
        Ok(verdict)
    }

    /// The most events per second that are all taken in time, found by ever higher stages.
    async fn best(&self, playing: &mut Playing, step: Duration, progress: &Progress) -> Result<f64, String> {
        let mut rate = self.rate.map_or(100.0, f64::from);
        let mut best = None;
        // In the short form the service is not really brought to its limit.
        let n_steps = if self.rate.is_some() || self.common.short { 1 } else { 40 };
        for _ in 0..n_steps {
            progress.say(format!("offering {rate:.0}/s"));
            let begin = playing.offer(&Stages(vec![Stage::flat(rate, step)])).await;
            // The answers to the last ones.
            sleep(IN_TIME * 2).await;
            let span = playing.crowd.meter.between(begin, begin + step);
            if !is_sustained(&span) && self.rate.is_none() && !self.common.short {
                break;
            }
            best = Some(rate);
            rate *= STEP;
        }
        best.ok_or_else(|| "not even 100 events per second are taken in time".to_owned())
    }
}

/// Whether nearly all that was due was taken, in time.
fn is_sustained(span: &Span) -> bool {
    real(span.ack.n()) >= 0.98 * real(span.due) && span.ack.percentile(95).is_some_and(|p95| p95 <= IN_TIME)
}
