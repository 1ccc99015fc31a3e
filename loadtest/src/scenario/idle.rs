//! Thousands of sockets that are quiet, and hundreds that never read what they are sent.

use std::time::Duration;

use clap::Args;
use tokio::time::{Instant, sleep};

use super::stuck::{Quiet, never_read};
use super::verdict::Verdict;
use super::{Common, is_undisturbed};
use crate::chaos::progress::Progress;
use crate::descriptors;
use crate::load::{
    Cast, Own, Playing, Processes, Report, Source, Stage, Stages, Target, brief, millis_json, real, rounded, seats,
    verify,
};

/// How soon sockets that never read are let go.
const FREED_WITHIN: Duration = Duration::from_secs(30);
/// How many descriptors of a node may come and go besides: its connections to the stores.
const SLACK: usize = 10;
/// Events per second of the candidates whose answers are measured.
const RATE: f64 = 100.0;
/// Events per second that the watchers who never read are sent.
const LOUD: f64 = 100.0;
/// The share of these that are of 1 MiB: one a second.
const LARGE: f64 = 0.01;
/// Sessions that the watchers who never read are spread over.
const LOUD_SESSIONS: usize = 10;

/// Holds thousands of quiet sockets, and hundreds that never read while much is sent to them: the latter must be let go
/// within 30 s, candidates must not notice any of them, and what a quiet socket costs is stated. Ends with 0 when that
/// holds, 1 when not, 2 when it could not run.
#[derive(Debug, Args)]
#[command(max_term_width = 100)]
pub(crate) struct Idle {
    /// What all scenarios can be told.
    #[command(flatten)]
    common: Common,
    /// Quiet sockets; half are candidates, half watchers of them.
    #[arg(long, default_value_t = 5000, value_parser = clap::value_parser!(u32).range(2..=50_000))]
    sockets: u32,
    /// Watchers that never read.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    stuck: u32,
}

impl Idle {
    /// Runs it.
    pub(crate) async fn run(&self) -> Result<Verdict, String> {
        self.common.run(async |own: &Own, progress: &Progress| Box::pin(self.play(own, progress)).await).await
    }

    async fn play(&self, own: &Own, progress: &Progress) -> Result<Verdict, String> {
        let is_short = self.common.short;
        let n_pairs = usize::try_from(if is_short { self.sockets.min(100) } else { self.sockets }).unwrap_or(0) / 2;
        let n_stuck = usize::try_from(if is_short { self.stuck.min(10) } else { self.stuck }).unwrap_or(0);
        let needed = u64::try_from(2 * n_pairs + n_stuck + 500).unwrap_or(u64::MAX);
        if descriptors::allowed() < needed {
            return Err(format!("{needed} open files are needed, {} are allowed", descriptors::allowed()));
        }
        let node = own.stack.nodes.first().ok_or("there are no nodes")?;
        let Target { org, sources } = own.target().await?;
        let Target { org: loud_org, .. } = own.target().await?;
        let pid = sources.iter().find(|(name, _)| name == "node-1").map(|(_, source)| source.clone());
        let pid = pid.ok_or("the node has no process id")?;
        let api = std::sync::Arc::clone(org.api(0));
        progress.say(format!("{n_pairs} sessions begin"));
        let quiet_seats = seats(&org, n_pairs).await?;

        // Sockets alone, so that their number says how many descriptors the node has.
        let cast = |candidates, watchers, large| {
            Ok::<_, String>(Cast { candidates, watchers, mix: "ws=1".parse()?, large, seed: self.common.seed() })
        };
        let mut playing =
            Box::pin(Playing::begin(org, &cast(if is_short { 5 } else { 20 }, 4, 0.0)?, |text| progress.say(text)))
                .await?;
        let mut loud =
            Box::pin(Playing::begin(loud_org, &cast(LOUD_SESSIONS, 0, LARGE)?, |text| progress.say(text))).await?;
        let processes = Processes::watch(sources, playing.epoch());
        let flat = |rate, length| Stages(vec![Stage::flat(rate, length)]);
        let part = self.common.length(Duration::from_secs(20), 2);
        let crowd = std::sync::Arc::clone(&playing.crowd);

        progress.say("candidates alone");
        let alone = playing.offer(&flat(RATE, part)).await;
        let rss_before = rss(&pid)?;
        progress.say(format!("{} quiet sockets are opened", 2 * n_pairs));
        let opening = Instant::now();
        let quiet = Quiet::open(&api, &quiet_seats).await?;
        progress.note(&format!("{} quiet sockets after {:.1} s", quiet.n_open(), opening.elapsed().as_secs_f64()));
        // What opening cost for a moment is given back, and everybody was pinged once.
        sleep(self.common.length(Duration::from_secs(20), 1)).await;
        let rss_quiet = rss(&pid)?;
        progress.say("candidates among quiet sockets, and sessions to which much is sent");
        let (own_stages, loud_stages) = (flat(RATE, part), flat(LOUD, part));
        let (among, _) = tokio::join!(playing.offer(&own_stages), loud.offer(&loud_stages));

        let n_before = descriptors_of(&pid)?;
        progress.say(format!("{n_stuck} watchers that never read"));
        let sessions: Vec<&str> = loud.players.iter().map(|player| player.seat.session.as_str()).collect();
        let stuck = never_read(node.port, loud.crowd.org.api(0), &sessions, n_stuck).await?;
        let began = Instant::now();
        let length = self.common.length(FREED_WITHIN + Duration::from_secs(5), 3);
        let freed = async {
            sleep(Duration::from_secs(1)).await;
            let n_most = descriptors_of(&pid)?;
            while began.elapsed() < length {
                if descriptors_of(&pid)? <= n_before + SLACK {
                    return Ok((n_most, Some(began.elapsed())));
                }
                sleep(Duration::from_millis(250)).await;
            }
            Ok::<_, String>((n_most, None))
        };
        let (own_stages, loud_stages) = (flat(RATE, length), flat(LOUD, length));
        let (against, _, freed) = tokio::join!(playing.offer(&own_stages), loud.offer(&loud_stages), freed);
        let (n_most, freed) = freed?;
        let rss_stuck = processes.peak_mib("node-1", Duration::ZERO, Duration::from_secs(86_400));
        let n_open = quiet.n_open();
        drop((stuck, quiet));
        let (played, loud) =
            (Box::pin(playing.end(|text| progress.say(text))).await?, Box::pin(loud.end(|_| {})).await?);
        progress.say("reading everything back");
        let mut violations = verify(&played).await?;
        violations.extend(verify(&loud).await?);

        let stages = Stages(vec![Stage::flat(RATE, part), Stage::flat(RATE, part), Stage::flat(RATE, length)]);
        let mut report = Report::of(self.common.seed(), &stages, alone, &crowd.meter);
        report.processes = processes.samples();
        report.told_by(&played);
        let spans = [(alone, part), (among, part), (against, length)];
        let spans = spans.map(|(from, long)| crowd.meter.between(from, from + long));
        for (stage, span) in report.stages.iter_mut().zip(&spans) {
            stage.1 = span.clone();
        }
        let [without, with_quiet, with_stuck] = spans;
        let p99 = [&without, &with_quiet, &with_stuck].map(|span| span.ack.percentile(99));
        let n_failed = report.total.failed + loud.crowd.meter.between(Duration::ZERO, Duration::MAX).failed;
        let n_sockets = real(u64::try_from(2 * n_pairs).unwrap_or(1)).max(1.0);
        let per_socket = real(rss_quiet.saturating_sub(rss_before)) / n_sockets;

        let mut verdict = Verdict::new("idle", !is_short, report, violations);
        verdict.claim(n_open == 2 * n_pairs, format!("{n_open} of {} quiet sockets stayed open", 2 * n_pairs));
        verdict.claim(n_failed == 0, format!("no event was refused: {n_failed} were"));
        verdict.claim(n_most >= n_before + n_stuck / 2, format!("{n_stuck} watchers that never read were let in"));
        verdict.timed_claim(
            freed.is_some_and(|freed| freed <= FREED_WITHIN),
            format!("they were let go {} after they came", brief(freed)),
        );
        verdict.timed_claim(
            is_undisturbed(&with_quiet.ack, &with_stuck.ack),
            format!(
                "candidates noticed nothing: p99 {} among quiet sockets, {} with those that never read ({} alone)",
                brief(p99[1]),
                brief(p99[2]),
                brief(p99[0])
            ),
        );
        verdict.timed_claim(
            per_socket < 128.0 * 1024.0,
            format!("a quiet socket costs the node {:.1} KiB; {rss_stuck:.0} MiB at most in all", per_socket / 1024.0),
        );
        verdict.figure("bytesPerQuietSocket", rounded(per_socket));
        verdict.figure("freedMs", millis_json(freed));
        verdict.figure("ackP99Ms", p99.map(millis_json).to_vec());
        verdict.figure("nodeRssPeakMib", rounded(rss_stuck));
        Ok(verdict)
    }
}

fn rss(node: &Source) -> Result<u64, String> {
    node.rss_bytes().ok_or_else(|| "the node does not run".to_owned())
}

fn descriptors_of(node: &Source) -> Result<usize, String> {
    node.n_descriptors().ok_or_else(|| "the node does not run".to_owned())
}
