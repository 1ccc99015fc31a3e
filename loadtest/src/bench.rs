//! The command `bench`: what the server does at most, beside what its parts would do alone, in one run. Only the ratios
//! say something: the figures themselves are those of a machine and a moment.

mod aims;
mod count;
mod depth;
pub(crate) mod edge;
mod events;
mod http;
mod live;
mod loads;
mod memory;
mod place;
mod raw_log;
mod waiting;
mod ws;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use crate::api::Api;
use crate::descriptors;
use crate::histogram::Histogram;
use crate::load::millis;
use crate::load::numbers::real;
use crate::setup;
use aims::Aims;
use depth::{Depth, Point};
use events::Events;
use live::Crowd;
use loads::{Load, Measured, Target};
use place::Place;

/// Events per second that the short form takes for sustained.
const GIVEN_WHEN_SHORT: f64 = 40.0;

/// Measures how much the server takes, durably, beside what its HTTP edge and its log would take alone. Needs
/// `redis-server`, and `promptster-server` and `embedded-clickhouse` beside this program.
#[derive(Debug, Clone, Args)]
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
    #[arg(long, value_delimiter = ',', default_value = "10000,100000,1000000,10000000")]
    log_sizes: Vec<u64>,
    /// Sizes of the cohorts that are compared, in sessions; `0` for none.
    #[arg(long, value_delimiter = ',', default_value = "10,100,1000,10000")]
    cohorts: Vec<u64>,
    /// Quiet sessions, with two sockets each, by which memory is measured; `0` for none.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u16).range(0..=10_000))]
    quiet: u16,
    /// How long the crowds are watched that are acknowledged and seen on a schedule, in seconds; `0` for none.
    #[arg(long, default_value_t = 15)]
    crowd_seconds: u64,
    /// Watchers of one session.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u16).range(1..=5_000))]
    watchers: u16,
    /// A form of a minute, to see that all of it works: its figures say nothing.
    #[arg(long)]
    short: bool,
    /// Where `promptster-server` and `embedded-clickhouse` are [default: beside this program].
    #[arg(long)]
    bin_dir: Option<PathBuf>,
}

impl Bench {
    /// Runs it, and prints what it found.
    pub(crate) async fn run(&self) -> ExitCode {
        let directory = std::env::temp_dir().join(format!("promptster-bench-{}", std::process::id()));
        let chosen = if self.short { self.shortened() } else { self.clone() };
        match Box::pin(chosen.measure(&directory)).await {
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

    /// The same with little of everything.
    fn shortened(&self) -> Self {
        Self {
            seconds: 1.0,
            connections: 8,
            log_sizes: vec![2_000, 4_000],
            cohorts: vec![3, 1_000],
            quiet: 20,
            crowd_seconds: 2,
            watchers: 20,
            ..self.clone()
        }
    }

    async fn measure(&self, directory: &Path) -> Result<(), String> {
        let own = std::env::current_exe().map_err(|error| error.to_string())?;
        let programs = self.bin_dir.clone().or(own.parent().map(Path::to_owned)).unwrap_or_default();
        let workers = match self.workers {
            Some(workers) => workers,
            None => std::thread::available_parallelism().map_err(|error| error.to_string())?.get(),
        };
        descriptors::raise();
        std::fs::create_dir_all(directory).map_err(|error| error.to_string())?;
        let place = Place::start(directory, &programs, workers).await?;
        println!("start to ready: {:.2?}", place.start_took);
        let mut aims = Aims::default();
        if self.quiet > 0 {
            Self::memory(&place, usize::from(self.quiet), &mut aims).await?;
        }
        let org = place.create_org().await?;
        let api = Api::new(&format!("http://127.0.0.1:{}", place.port), &org.api_key, Duration::from_secs(30))?;
        self.loads(&place, &api, &mut aims).await?;
        if self.crowd_seconds > 0 {
            self.crowds(&place, &mut aims).await?;
        }
        self.depths(&Depth { api: &api, clickhouse: place.clickhouse_port }, &mut aims).await?;
        aims.at_most("start to ready with both stores up, in s".to_owned(), place.start_took.as_secs_f64(), 1.0);
        drop(place);
        let took = place::warm_start(directory, &programs).await?;
        println!("start to ready of `dev`, whose stores were there before: {took:.2?}");
        aims.at_most("the same of `dev` with its own stores, in s".to_owned(), took.as_secs_f64(), 5.0);
        print!("\n{aims}");
        Ok(())
    }

    async fn memory(place: &Place, n: usize, aims: &mut Aims) -> Result<(), String> {
        let found = memory::measure(place, n).await?;
        let kib = |bytes: f64| bytes / 1024.0;
        println!(
            "memory: {:.1} MB idle, {:.1} KiB a session, {:.1} KiB a socket",
            found.idle / 1e6,
            kib(found.per_session),
            kib(found.per_socket)
        );
        aims.at_most("memory of an idle server, in MB".to_owned(), found.idle / 1e6, 60.0);
        aims.at_most("memory of a quiet session, in KiB".to_owned(), kib(found.per_session), 6.0);
        aims.at_most("memory of a quiet socket, in KiB".to_owned(), kib(found.per_socket), 40.0);
        Ok(())
    }

    /// Every load by itself.
    async fn loads(&self, place: &Place, api: &Api, aims: &mut Aims) -> Result<(), String> {
        let (_, seats) = setup::prepare(api, self.connections, |_| {}).await?;
        let mut candidates = Vec::with_capacity(seats.len());
        for (seat, seed) in seats.iter().zip(1..) {
            candidates.push((seat.credential.clone(), Events::of(seed, &seat.session)?));
        }
        let processes = ["server", "redis", "clickhouse"].map(|name| (name, place.process(name))).to_vec();
        let (edge, server, redis) = (place.edge_port, place.port, place.redis_port);
        let target = Target { edge, server, redis, processes, candidates };
        let mut all: Vec<Measured> = Vec::new();
        for load in Load::ALL.into_iter().filter(|load| self.only.is_empty() || self.only.contains(load)) {
            let measured = loads::keep_up(load, &target, Duration::from_secs_f64(self.seconds)).await?;
            println!("{measured}");
            all.push(measured);
        }
        let found = |load| all.iter().find(|measured| measured.load == load).map(|found| real(found.per_second()));
        for (load, limit, wanted) in [(Load::Http, Load::Edge, 0.40), (Load::Ws, Load::Log, 0.30)] {
            if let (Some(ours), Some(limit)) = (found(load), found(limit)) {
                aims.at_least(format!("{}, share of what its limit gives", load.name()), ours / limit, wanted);
            }
        }
        Ok(())
    }

    /// Half of what is sustained with watchers; and one session with very many.
    async fn crowds(&self, place: &Place, aims: &mut Aims) -> Result<(), String> {
        let (time, watchers) = (Duration::from_secs(self.crowd_seconds), usize::from(self.watchers));
        let millis = |span: &Histogram, percent| span.percentile(percent).map_or(f64::INFINITY, millis);
        // To search brings a server to its limit, for which the short form has no time.
        let given = self.short.then_some(GIVEN_WHEN_SHORT);
        let Crowd { sustained, at_half, waiting } = live::crowd(place, given, time).await?;
        let [p50, p99] = [50, 99].map(|percent| millis(&at_half.ack, percent));
        let fan_out = millis(&at_half.fan_out, 99);
        println!(
            "200 sessions with a watcher each: {sustained:.0} events/s are sustained; at half of that: ack p50 {p50:.1} ms, \
             p99 {p99:.1} ms; seen p99 {fan_out:.1} ms\n{waiting}"
        );
        aims.at_most("ack at half of the sustained rate, p50 in ms".to_owned(), p50, 3.0);
        aims.at_most("ack at half of the sustained rate, p99 in ms".to_owned(), p99, 20.0);
        aims.at_most("seen at half of the sustained rate, p99 in ms".to_owned(), fan_out, 50.0);
        let alone = live::one(place, 0, time).await?;
        let watched = live::one(place, watchers, time).await?;
        let acks = [&alone, &watched].map(|span| [50, 99].map(|percent| millis(&span.ack, percent)));
        let fan_out = millis(&watched.fan_out, 99);
        let [[alone_p50, alone_p99], [p50, p99]] = acks;
        println!(
            "one session, 50 events/s: ack p50 {alone_p50:.1} ms, p99 {alone_p99:.1} ms alone; with {} watchers p50 {p50:.1} ms, \
             p99 {p99:.1} ms, seen p99 {fan_out:.1} ms",
            watchers
        );
        aims.at_most(format!("seen by {} watchers of one session, p99 in ms", watchers), fan_out, 250.0);
        Ok(())
    }

    /// What reading costs, by how much there is.
    async fn depths(&self, depth: &Depth<'_>, aims: &mut Aims) -> Result<(), String> {
        let say = |text: String| eprintln!("{text}");
        let mut thousand = None;
        if self.cohorts != [0] {
            let (points, path) = depth.cohorts(&self.cohorts, say).await?;
            print_points("cohort statistics", "sessions", &points);
            if let Some(point) = points.iter().find(|point| point.size == 1_000) {
                aims.at_most("cohort statistics of 1,000 sessions, p50 in ms".to_owned(), point.millis(), 20.0);
                thousand = path.map(|path| (path, point.millis()));
            }
        }
        if self.log_sizes != [0] {
            let points = depth.timelines(&self.log_sizes, say).await?;
            print_points("a page of 500 events", "events", &points);
            if let Some(last) = points.last() {
                aims.at_most(format!("a page in a log of {} events, p50 in ms", last.size), last.millis(), 15.0);
                if let Some(first) = points.iter().find(|point| point.size == 100_000 && point.size < last.size) {
                    let growth = last.millis() / first.millis();
                    aims.at_most("the same beside a log of 100,000 events".to_owned(), growth, 1.5);
                }
            }
            if let Some((path, before)) = thousand {
                let again = depth.median(&path).await?.as_secs_f64() * 1e3;
                println!("cohort statistics of 1,000 sessions beside that log: p50 {again:.1} ms");
                aims.at_most("cohort statistics with that many events, beside before".to_owned(), again / before, 1.2);
            }
        }
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
