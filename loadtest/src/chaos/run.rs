//! One run from start to end: start, play, strike, settle, read back, check.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rand::Rng;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::Chaos;
use super::auditor;
use super::candidate::{self, Work};
use super::check::{History, check, label};
use super::fault::Fault;
use super::fleet::{Fleet, Org, Phase};
use super::history::Log;
use super::probe::Probe;
use super::progress::Progress;
use super::proxy::{Proxy, Weather};
use super::readback::{Read, read_all};
use super::report::{Report, Totals};
use super::schedule::{self, Schedule, Struck};
use super::stack::{Plan, Stack, programs};
use super::strike::Striker;
use super::watcher;
use crate::check::{Promise, Violation};

/// How long everything runs without faults at the beginning.
const WARM_UP: Duration = Duration::from_secs(3);
/// How long a server may still work on what its client gave up.
const SETTLE: Duration = Duration::from_secs(4);
/// Events of one session, at least and at most.
const SESSION_EVENTS: (u32, u32) = (120, 800);

/// What a run gives.
pub(crate) struct Outcome {
    /// For people and programs.
    pub(crate) report: Report,
    /// What clients did and saw.
    pub(crate) history: History,
    /// What was read back.
    pub(crate) read: Read,
}

/// Runs it all. The texts of rows are kept only if asked for.
pub(crate) async fn run(options: &Chaos, keeps_text: bool) -> Result<Outcome, String> {
    let seed = options.seed.unwrap_or_else(|| rand::rng().random::<u32>().into());
    let directory = make_directory(options.dir.as_deref(), &format!("promptster-chaos-{seed}"))?;
    let progress = Progress::start();
    let result = Box::pin(play(options, seed, &directory, keeps_text, &progress)).await;
    drop(progress);
    let is_kept = options.dir.is_some() || !result.as_ref().is_ok_and(|outcome| outcome.report.holds());
    if !is_kept {
        // Left-overs in a directory for temporary files harm nobody.
        drop(std::fs::remove_dir_all(&directory));
    }
    let mut outcome = result.map_err(|error| format!("{error}\nlogs are in {}", directory.display()))?;
    outcome.report.logs = is_kept.then(|| directory.display().to_string());
    if let Some(path) = &options.report {
        std::fs::write(path, format!("{:#}\n", outcome.report.json()))
            .map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(outcome)
}

/// A new directory: where it was asked for, else under the system's for temporary files.
pub(crate) fn make_directory(wanted: Option<&Path>, name: &str) -> Result<PathBuf, String> {
    let default = || std::env::temp_dir().join(format!("{name}-{}", std::process::id()));
    let directory = wanted.map_or_else(default, Path::to_owned);
    std::fs::create_dir_all(directory.parent().unwrap_or(Path::new("/")))
        .and_then(|()| std::fs::create_dir(&directory))
        .map_err(|error| format!("{}: {error}", directory.display()))?;
    directory.canonicalize().map_err(|error| error.to_string())
}

async fn play(
    options: &Chaos,
    seed: u64,
    directory: &Path,
    keeps_text: bool,
    progress: &Progress,
) -> Result<Outcome, String> {
    let chosen = options.chosen();
    progress.note(&format!("seed {seed}; files in {}", directory.display()));
    let plan = Plan {
        directory,
        programs: &programs(options.bin_dir.as_deref())?,
        n_nodes: usize::from(options.nodes),
        appendfsync: &options.appendfsync,
        with_proxies: true,
        with_disks: chosen.iter().any(|fault| fault.needs_disk()),
        with_shim: chosen.iter().any(|fault| fault.needs_shim()),
    };
    let stack = Box::pin(Stack::start(&plan, |text| progress.say(text))).await?;
    let skipped: Vec<(Fault, String)> =
        chosen.iter().filter_map(|fault| Some((*fault, Striker::obstacle(&stack, *fault)?))).collect();
    for (fault, why) in &skipped {
        progress.note(&format!("{fault} is skipped: {why}"));
    }
    let faults = chosen.into_iter().filter(|fault| skipped.iter().all(|(other, _)| other != fault)).collect();

    let fleet = Arc::new(fleet(options, seed, &stack, progress).await?);
    let players = Players::start(options, &fleet);
    let mut probe = Probe::begin(&fleet).await?;
    sleep(WARM_UP.min(Duration::from_secs_f64(options.minutes * 6.0))).await;
    let schedule =
        Schedule { stack: &stack, fleet: &fleet, faults, seed, scale: (options.minutes / 2.0).clamp(0.15, 1.0) };
    let until = fleet.epoch + Duration::from_secs_f64(options.minutes * 60.0);
    let struck = strike(&schedule, until, &mut probe, progress).await?;
    for proxy in stack.proxies() {
        proxy.set(Weather::default());
    }
    let sending = fleet.epoch.elapsed();
    progress.say("candidates and watchers come to an end");
    fleet.phase.send_replace(Phase::Ending);
    probe.end();
    let (mut history, logs) = players.end(&fleet).await?;
    sleep(SETTLE).await;
    // Reading completes those that still run: which were completed before, only this moment knows.
    history.sessions = logs.iter().map(|log| log.state().clone()).collect();
    let read = Box::pin(read_all(&fleet, &logs, keeps_text, |text| progress.say(text))).await?;
    progress.say("checking");
    let violations = check(&history, &read).into_iter().chain(schedule::check(&struck, stack.nodes.len()));
    let violations: Vec<Violation> = violations.chain(panics(directory, stack.nodes.len())).collect();
    let processes = stack.nodes.iter().map(|node| &node.process).chain([&stack.redis, &stack.clickhouse]);
    let mut report = Report {
        seed,
        nodes: stack.nodes.len(),
        sending,
        final_after: read.final_after,
        lost_answers: stack.proxies().map(Proxy::n_lost_answers).sum(),
        totals: Totals::of(&history, &read),
        struck,
        skipped,
        ended: processes.map(|one| (one.name().to_owned(), one.n_ended_by_itself())).filter(|(_, n)| *n > 0).collect(),
        violations,
        logs: None,
    };
    report.sort();
    write_histories(directory, &history, &report.violations);
    progress.say("stopping");
    stack.end().await;
    Ok(Outcome { report, history, read })
}

async fn fleet(options: &Chaos, seed: u64, stack: &Stack, progress: &Progress) -> Result<Fleet, String> {
    let fronts: Vec<u16> = stack.nodes.iter().map(|node| node.front.port()).collect();
    let n_orgs = usize::from(options.orgs);
    // Roughly as many as are needed; more are made on the way.
    let n_sessions =
        options.minutes * 60.0 * f64::from(options.rate) / f64::from(SESSION_EVENTS.0 + SESSION_EVENTS.1) * 2.0;
    let per_org = Duration::from_secs_f64(n_sessions).as_secs() / u64::from(options.orgs.max(1));
    let n_keys = usize::try_from(per_org).unwrap_or_default() + usize::from(options.candidates);
    let mut orgs = Vec::new();
    for number in 1..=n_orgs {
        progress.say(format!("organisation {number} of {n_orgs}"));
        let credentials = stack.create_org(&format!("Organisation {number}")).await?;
        orgs.push(Org::prepare(&credentials, &fronts, n_keys).await?);
    }
    Ok(Fleet::new(seed, orgs))
}

async fn strike(
    schedule: &Schedule<'_>,
    until: Instant,
    probe: &mut Probe,
    progress: &Progress,
) -> Result<Vec<Struck>, String> {
    let fleet = schedule.fleet;
    let tell = async {
        loop {
            let n_stored = fleet.n_stored.load(std::sync::atomic::Ordering::Relaxed);
            let left = until.saturating_duration_since(Instant::now());
            let n_sessions = fleet.all().len();
            progress.say(format!("{n_stored} events, {n_sessions} sessions; {:.0} s to go", left.as_secs_f64()));
            sleep(Duration::from_millis(500)).await;
        }
    };
    let said = |struck: &Struck| {
        let names = struck.faults.iter().map(|fault| fault.name()).collect::<Vec<_>>().join(" + ");
        let recovery = struck.recovery.map_or("NEVER".to_owned(), |time| format!("{time:.2?}"));
        let Struck { what, took, n_stored, .. } = struck;
        progress.note(&format!("{names} ({what}): {took:.1?}, {n_stored} acknowledged; recovered in {recovery}"));
    };
    let all = async {
        let struck = Box::pin(schedule.run(until, probe, said)).await;
        if struck.is_ok() {
            tokio::time::sleep_until(until).await;
        }
        struck
    };
    tokio::select! {
        struck = all => struck,
        () = tell => Ok(Vec::new()),
    }
}

/// Everybody who plays.
struct Players {
    candidates: JoinSet<()>,
    watchers: JoinSet<Vec<watcher::Seen>>,
    walls: JoinSet<(usize, std::collections::BTreeSet<String>)>,
    auditors: JoinSet<auditor::Audit>,
    /// Ends with the value.
    _pulse: JoinSet<()>,
}

impl Players {
    fn start(options: &Chaos, fleet: &Arc<Fleet>) -> Self {
        let every = Duration::from_secs(1) * u32::from(options.candidates) / options.rate;
        let work = Work { every, session_events: SESSION_EVENTS };
        let mut players = Self {
            candidates: JoinSet::new(),
            watchers: JoinSet::new(),
            walls: JoinSet::new(),
            auditors: JoinSet::new(),
            _pulse: std::iter::once(auditor::pulse(Arc::clone(fleet))).collect(),
        };
        for number in 0..usize::from(options.candidates) {
            players.candidates.spawn(Box::pin(candidate::live(Arc::clone(fleet), number, work)));
        }
        for number in 0..usize::from(options.watchers) {
            players.watchers.spawn(Box::pin(watcher::live(Arc::clone(fleet), number)));
        }
        for place in 0..fleet.orgs.len() {
            let fleet = Arc::clone(fleet);
            players.walls.spawn(async move { (place, auditor::watch_wall(fleet, place).await) });
        }
        players.auditors.spawn(Box::pin(auditor::live(Arc::clone(fleet))));
        players
    }

    /// Waits until all have come to an end: what they did, and the sessions.
    async fn end(mut self, fleet: &Fleet) -> Result<(History, Vec<Arc<Log>>), String> {
        while let Some(ended) = self.candidates.join_next().await {
            ended.map_err(|error| error.to_string())?;
        }
        let logs = fleet.all();
        let mut history = History { orgs: fleet.orgs.iter().map(|org| org.id.clone()).collect(), ..History::default() };
        history.failures = fleet.failures();
        history.seen = self.watchers.join_all().await.into_iter().flatten().collect();
        let mut walls = self.walls.join_all().await;
        walls.sort_by_key(|(place, _)| *place);
        history.walls = walls.into_iter().map(|(_, wall)| wall).collect();
        for audit in self.auditors.join_all().await {
            history.audit.n_reads += audit.n_reads;
            history.audit.found.extend(audit.found);
        }
        Ok((history, logs))
    }
}

/// A server that panics breaks its word even if nothing is lost by it.
pub(crate) fn panics(directory: &Path, n_nodes: usize) -> Vec<Violation> {
    let mut found = Vec::new();
    for node in 1..=n_nodes {
        let log = std::fs::read(directory.join("logs").join(format!("node-{node}.log"))).unwrap_or_default();
        for line in String::from_utf8_lossy(&log).lines().filter(|line| line.contains("panicked at")) {
            let text = format!("node {node}: {line}");
            found.push(Violation { promise: Promise::Protocol, session: "none".into(), event: None, text });
        }
    }
    found
}

/// Writes down every call of the sessions in which something is wrong.
fn write_histories(directory: &Path, history: &History, violations: &[Violation]) {
    let folder = directory.join("histories");
    for session in &history.sessions {
        let label = label(session);
        if !violations.iter().any(|violation| violation.session == label) || std::fs::create_dir_all(&folder).is_err() {
            continue;
        }
        let lines = session.tries.iter().map(|one| {
            let event = usize::try_from(one.event).ok().and_then(|event| session.events.get(event));
            let line = serde_json::json!({
                "event": event.map(|event| event.id), "lane": one.lane, "startUs": one.start_us, "endUs": one.end_us,
                "altered": one.is_altered, "outcome": one.outcome, "intent": event.map(|event| format!("{:?}", event.intent)),
            });
            format!("{line}\n")
        });
        // For people who look into it; the report stands without.
        drop(std::fs::write(folder.join(format!("{label}.ndjson")), lines.collect::<String>()));
    }
}
