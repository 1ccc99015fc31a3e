//! The command `bench`: what the server does at most, beside what its parts would do alone, in one run. Only the ratios
//! say something: the figures themselves are those of a machine and a moment.

mod aims;
mod count;
mod depth;
pub(crate) mod edge;
mod events;
mod http;
mod loads;
mod place;
mod raw_log;
mod ws;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use crate::api::Api;
use crate::load::numbers::real;
use crate::setup;
use aims::Aims;
use depth::{Depth, Point};
use events::Events;
use loads::{Load, Measured, Target};
use place::Place;

/// Measures how much the server takes, durably, beside what its HTTP edge and its log would take alone. Needs
/// `redis-server`, and `promptster-server` and `embedded-clickhouse` beside this program.
#[derive(Debug, Args)]
#[command(max_term_width = 100)]
pub(crate) struct Bench {
    /// How long each load is kept up, in seconds.
    #[arg(long, default_value_t = 8.0)]
    seconds: f64,
    /// Connections, each with a session of its own.
    #[arg(long, default_value_t = 128)]
    connections: usize,
    /// Threads of the server and of the edge that it is compared with [default: one for each core].
    #[arg(long)]
    workers: Option<usize>,
    /// Only these loads, separated by commas.
    #[arg(long, value_delimiter = ',', value_enum)]
    only: Vec<Load>,
    /// Sizes of the log at which timelines are read, in events; `0` for none.
    #[arg(long, value_delimiter = ',', default_value = "10000,100000,1000000")]
    log_sizes: Vec<u64>,
    /// Sizes of the cohorts that are compared, in sessions; `0` for none.
    #[arg(long, value_delimiter = ',', default_value = "10,100,1000,10000")]
    cohorts: Vec<u64>,
    /// Where `promptster-server` and `embedded-clickhouse` are [default: beside this program].
    #[arg(long)]
    bin_dir: Option<PathBuf>,
}

impl Bench {
    /// Runs it, and prints what it found.
    pub(crate) async fn run(&self) -> ExitCode {
        let directory = std::env::temp_dir().join(format!("promptster-bench-{}", std::process::id()));
        match Box::pin(self.measure(&directory)).await {
            Ok(()) => {
                // Left-overs in a directory for temporary files harm nobody.
                drop(std::fs::remove_dir_all(&directory));
                ExitCode::SUCCESS
            }
            Err(error) => {
                eprintln!("error: {error}\nlogs are in {}", directory.display());
                ExitCode::from(2)
            }
        }
    }

    async fn measure(&self, directory: &Path) -> Result<(), String> {
        let own = std::env::current_exe().map_err(|error| error.to_string())?;
        let programs = self.bin_dir.clone().or(own.parent().map(Path::to_owned)).unwrap_or_default();
        let workers = match self.workers {
            Some(workers) => workers,
            None => std::thread::available_parallelism().map_err(|error| error.to_string())?.get(),
        };
        std::fs::create_dir_all(directory).map_err(|error| error.to_string())?;
        let place = Place::start(directory, &programs, workers).await?;
        println!("start to ready: {:.2?}", place.start_took);
        let org = place.create_org().await?;
        let api = Api::new(&format!("http://127.0.0.1:{}", place.port), &org.api_key, Duration::from_secs(30))?;
        let (_, seats) = setup::prepare(&api, self.connections, |_| {}).await?;
        let mut candidates = Vec::with_capacity(seats.len());
        for (seat, seed) in seats.iter().zip(1..) {
            candidates.push((seat.credential.clone(), Events::of(seed, &seat.session)?));
        }
        let processes = ["server", "redis", "clickhouse"].map(|name| (name, place.process(name))).to_vec();
        let (edge, server, redis) = (place.edge_port, place.port, place.redis_port);
        let target = Target { edge, server, redis, processes, candidates };
        let mut aims = Aims::default();
        let mut all: Vec<Measured> = Vec::new();
        for load in Load::ALL.into_iter().filter(|load| self.only.is_empty() || self.only.contains(load)) {
            let measured = loads::keep_up(load, &target, Duration::from_secs_f64(self.seconds)).await?;
            println!("{measured}");
            all.push(measured);
        }
        for (load, limit, wanted) in [(Load::Http, Load::Edge, 0.40), (Load::Ws, Load::Log, 0.30)] {
            let found = |load| all.iter().find(|measured| measured.load == load).map(Measured::per_second);
            if let (Some(ours), Some(limit)) = (found(load), found(limit)) {
                aims.at_least(
                    format!("{}, share of what its limit gives", load.name()),
                    real(ours) / real(limit),
                    wanted,
                );
            }
        }
        let depth = Depth { api: &api, clickhouse: place.clickhouse_port };
        let say = |text: String| eprintln!("{text}");
        if self.cohorts != [0] {
            let points = depth.cohorts(&self.cohorts, say).await?;
            print_points("cohort statistics", "sessions", &points);
            if let Some(point) = points.iter().find(|point| point.size == 1_000) {
                aims.at_most("cohort statistics of 1,000 sessions, p50 in ms".to_owned(), point.millis(), 20.0);
            }
        }
        if self.log_sizes != [0] {
            let points = depth.timelines(&self.log_sizes, say).await?;
            print_points("a page of 500 events", "events", &points);
            if let Some(point) = points.last() {
                aims.at_most(format!("a page in a log of {} events, p50 in ms", point.size), point.millis(), 15.0);
            }
        }
        aims.at_most("start to ready with both stores up, in s".to_owned(), place.start_took.as_secs_f64(), 1.0);
        print!("\n{aims}");
        Ok(())
    }
}

fn print_points(what: &str, of: &str, points: &[Point]) {
    for point in points {
        println!("{what:<28} {:>9} {of:<9} p50 {:>8.1?}", point.size, point.p50);
    }
    if let Some(exponent) = depth::exponent(points) {
        println!("{what:<28} grows with the exponent {exponent:.2}");
    }
}
