//! The command `chaos`: starts a whole service of its own, plays candidates and watchers on it while its parts are killed,
//! stopped, cut off and starved, and then checks that every promise was kept.

mod auditor;
mod candidate;
pub(crate) mod check;
mod disk;
mod fault;
pub(crate) mod fleet;
pub(crate) mod guard;
pub(crate) mod history;
mod plant;
mod post;
mod probe;
pub(crate) mod process;
pub(crate) mod progress;
mod proxy;
mod readback;
pub(crate) mod redis;
mod report;
pub(crate) mod row;
pub(crate) mod run;
mod schedule;
pub(crate) mod script;
mod shim;
pub(crate) mod stack;
mod stream;
mod strike;
pub(crate) mod timeline;
pub(crate) mod watcher;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use fault::Fault;

/// Starts stores, server nodes and proxies of its own, plays candidates and watchers of several organisations while it
/// kills, stops, cuts off and starves all parts, and checks that nothing that was acknowledged is lost, doubled,
/// misordered, changed or shown to somebody else. Needs `redis-server`, and `promptster-server` and
/// `embedded-clickhouse` beside this program.
#[derive(Debug, Clone, Args)]
#[command(max_term_width = 100)]
pub(crate) struct Chaos {
    /// How long candidates send, in minutes.
    #[arg(long, default_value_t = 2.0, value_parser = positive)]
    minutes: f64,
    /// Seed of events, choices and faults [default: a random one].
    #[arg(long)]
    seed: Option<u64>,
    /// Which faults, separated by commas; `none` for none.
    #[arg(long, value_delimiter = ',', default_value = "all", value_parser = faults)]
    faults: Vec<Faults>,
    /// Server nodes.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=16))]
    nodes: u16,
    /// Organisations.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=8))]
    orgs: u16,
    /// Candidates at any time.
    #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u16).range(1..=500))]
    candidates: u16,
    /// Watchers at any time; half use WebSocket, half Server-Sent Events.
    #[arg(long, default_value_t = 8)]
    watchers: u16,
    /// Events a second, of all candidates together.
    #[arg(long, default_value_t = 450, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rate: u32,
    /// The `appendfsync` of Redis. The promises hold with `always` alone: with another, `power-loss` finds losses.
    #[arg(long, default_value = "always", value_parser = ["always", "everysec", "no"])]
    appendfsync: String,
    /// Where everything is kept; it must not exist, and stays [default: a directory of the system's for temporary files,
    /// which stays only when something is wrong].
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Where `promptster-server` and `embedded-clickhouse` are [default: beside this program].
    #[arg(long)]
    bin_dir: Option<PathBuf>,
    /// Write the report to this file, as JSON.
    #[arg(long)]
    report: Option<PathBuf>,
    /// Tests the checker in place of the server: a short run with few faults, in whose result losses and other wrongs are
    /// planted, each of which must be found.
    #[arg(long)]
    self_test: bool,
}

/// One word of `--faults`.
#[derive(Debug, Clone, Copy)]
enum Faults {
    All,
    None,
    One(Fault),
}

fn faults(text: &str) -> Result<Faults, String> {
    match text {
        "all" => Ok(Faults::All),
        "none" => Ok(Faults::None),
        name => name.parse().map(Faults::One),
    }
}

fn positive(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|minutes| (0.05..=1440.0).contains(minutes))
        .ok_or_else(|| "must be 0.05 to 1440".to_owned())
}

impl Chaos {
    fn chosen(&self) -> Vec<Fault> {
        let chosen = |fault: &Fault| {
            self.faults
                .iter()
                .any(|word| matches!(word, Faults::All) || matches!(word, Faults::One(one) if one == fault))
        };
        Fault::ALL.into_iter().filter(chosen).collect()
    }

    /// Runs it all, and prints the report. Ends early on Ctrl-C; whatever was started is gone then as well.
    pub(crate) async fn run(&self) -> ExitCode {
        let running = async {
            if self.self_test {
                return plant::self_test(self).await;
            }
            let outcome = run::run(self, false).await?;
            println!("{}", outcome.report);
            Ok(outcome.report.holds())
        };
        let result = tokio::select! {
            result = Box::pin(running) => result,
            reason = interrupted() => Err(reason),
        };
        match result {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::FAILURE,
            Err(error) => {
                eprintln!("error: {error}");
                ExitCode::from(2)
            }
        }
    }
}

async fn interrupted() -> String {
    let (Ok(mut terminate), Ok(mut hangup)) = (signal(SignalKind::terminate()), signal(SignalKind::hangup())) else {
        return "signals cannot be watched".to_owned();
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
    }
    "interrupted".to_owned()
}
