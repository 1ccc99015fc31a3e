//! What an acknowledgement waits for, while a load runs: the server's own times of requests and commits from its metrics,
//! the time in which threads that had work waited for a core (`/proc/PID/task/*/schedstat`), and the time that Redis waited
//! for its disk.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use tokio::time::Instant;

use super::place::Place;
use crate::chaos::redis;
use crate::load::numbers::real;
use crate::load::processes::Source;

/// What the server tells of itself, and how it is called here.
const TIMES: [(&str, &str, &str); 3] = [
    ("request", "promptster_request_seconds_bucket", "route=\"/v1/hooks/ingest\""),
    ("wait for a commit", "promptster_commit_queue_seconds_bucket", ""),
    ("commit", "promptster_commit_seconds_bucket", ""),
];
/// Redis counts a wait for its disk that is at least this long, in milliseconds.
const SLOW_DISK: &str = "1";
/// How long the server may take to tell its metrics; it puts them into their buckets once in a few seconds.
const PATIENCE: Duration = Duration::from_secs(10);

/// How things stood at a moment.
pub(super) struct Before<'a> {
    place: &'a Place,
    at: Instant,
    threads: Vec<(&'static str, Source, Threads)>,
    times: Vec<Buckets>,
}

/// What the threads of a process have had so far.
#[derive(Debug, Clone, Copy, Default)]
struct Threads {
    cpu: Duration,
    waited: Duration,
}

/// How many took at most so long, by the time in seconds.
type Buckets = Vec<(f64, u64)>;

/// What was waited for.
#[derive(Debug)]
pub(super) struct Waiting {
    took: Duration,
    threads: Vec<(&'static str, Threads)>,
    times: Vec<(&'static str, Buckets)>,
    /// The longest wait for the disk in each second that had one.
    disk_ms: Vec<u64>,
}

impl<'a> Before<'a> {
    /// Begins to look.
    pub(super) async fn look(place: &'a Place) -> Result<Self, String> {
        redis::set(place.redis_port, "latency-monitor-threshold", SLOW_DISK).await?;
        redis::ask(place.redis_port, "LATENCY RESET").await?;
        let named = ["server", "redis", "clickhouse"].map(|name| (name, place.process(name)));
        let own = ("load", Source::Fixed(std::process::id()));
        let threads = named.into_iter().chain([own]).map(|(name, source)| {
            let now = Threads::of(&source);
            (name, source, now)
        });
        let threads = threads.collect();
        let times = times(place).await?;
        Ok(Self { place, at: Instant::now(), threads, times })
    }

    /// What was waited for since.
    pub(super) async fn until_now(self) -> Result<Waiting, String> {
        let took = self.at.elapsed();
        let threads = self.threads.iter().map(|(name, source, before)| (*name, Threads::of(source).since(*before)));
        let threads = threads.collect();
        let history = redis::ask(self.place.redis_port, "LATENCY HISTORY aof-fsync-always").await?;
        let after = times(self.place).await?;
        let names = TIMES.iter().map(|(name, ..)| *name);
        let times = names.zip(after.iter().zip(&self.times).map(|(after, before)| since(after, before))).collect();
        Ok(Waiting { took, threads, times, disk_ms: longest(&history) })
    }
}

impl Threads {
    /// Of all threads that live; nothing when the process does not.
    fn of(source: &Source) -> Self {
        let parts = source.threads().into_iter().flatten();
        parts.fold(Self::default(), |sum, (cpu, waited)| Self { cpu: sum.cpu + cpu, waited: sum.waited + waited })
    }

    fn since(self, before: Self) -> Self {
        // What a thread had that has ended meanwhile is no longer told.
        Self { cpu: self.cpu.saturating_sub(before.cpu), waited: self.waited.saturating_sub(before.waited) }
    }
}

/// The server's times so far.
async fn times(place: &Place) -> Result<Vec<Buckets>, String> {
    let url = format!("http://127.0.0.1:{}/metrics", place.metrics_port);
    let client = reqwest::Client::builder().timeout(PATIENCE).no_proxy().build().map_err(|error| error.to_string())?;
    let text = async { client.get(url).send().await?.text().await };
    let text = text.await.map_err(|error| format!("the server's metrics: {error}"))?;
    Ok(TIMES.iter().map(|(_, name, label)| buckets(&text, name, label)).collect())
}

/// The buckets of all series of a histogram that have this label, added up.
fn buckets(exposition: &str, name: &str, label: &str) -> Buckets {
    let mut found: BTreeMap<u64, (f64, u64)> = BTreeMap::new();
    for line in exposition.lines().filter(|line| line.starts_with(name) && line.contains(label)) {
        let end = line.split_once("le=\"").and_then(|(_, rest)| rest.split_once('"'));
        let end = end.and_then(|(end, _)| if end == "+Inf" { Some(f64::INFINITY) } else { end.parse().ok() });
        let count = line.rsplit_once(' ').and_then(|(_, count)| count.parse::<u64>().ok());
        if let (Some(end), Some(count)) = (end, count) {
            // Of numbers that are not negative, the bits have the same order.
            found.entry(end.to_bits()).or_insert((end, 0)).1 += count;
        }
    }
    found.into_values().collect()
}

fn since(after: &Buckets, before: &Buckets) -> Buckets {
    let earlier = |end: f64| before.iter().find(|(of, _)| of.total_cmp(&end).is_eq()).map_or(0, |(_, count)| *count);
    after.iter().map(|(end, count)| (*end, count.saturating_sub(earlier(*end)))).collect()
}

/// The time in milliseconds that `percent` of all do not exceed, as if those of a bucket were spread over it evenly.
fn percentile(buckets: &Buckets, percent: f64) -> Option<f64> {
    let all = buckets.last().map(|(_, count)| *count).filter(|count| *count > 0)?;
    let rank = real(all) * percent / 100.0;
    let (mut low, mut below) = (0.0, 0.0);
    for (end, count) in buckets {
        if real(*count) >= rank {
            let share = (rank - below) / (real(*count) - below).max(1.0);
            return Some(if end.is_finite() { low + (end - low) * share } else { low } * 1e3);
        }
        (low, below) = (*end, real(*count));
    }
    None
}

/// The milliseconds of an answer to `LATENCY HISTORY`: pairs of a time in seconds and the longest wait of that second.
fn longest(history: &str) -> Vec<u64> {
    let numbers: Vec<u64> = history.lines().filter_map(|line| line.strip_prefix(':')?.trim().parse().ok()).collect();
    numbers.chunks_exact(2).filter_map(|pair| pair.last().copied()).collect()
}

impl fmt::Display for Waiting {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "  in the server:")?;
        for (index, (name, buckets)) in self.times.iter().enumerate() {
            let [p50, p99] = [50.0, 99.0].map(|percent| percentile(buckets, percent).unwrap_or_default());
            write!(out, "{} {name} p50 {p50:.1} ms, p99 {p99:.1} ms", if index == 0 { "" } else { ";" })?;
        }
        write!(out, "\n  of each second, run and waited for a core:")?;
        for (index, (name, threads)) in self.threads.iter().enumerate() {
            let part = |time: Duration| time.as_secs_f64() / self.took.as_secs_f64().max(0.001);
            let comma = if index == 0 { "" } else { "," };
            write!(out, "{comma} {name} {:.2} s and {:.2} s", part(threads.cpu), part(threads.waited))?;
        }
        let mut disk = self.disk_ms.clone();
        disk.sort_unstable();
        let median = disk.get(disk.len() / 2).copied().unwrap_or_default();
        write!(
            out,
            "\n  Redis waited for its disk for {SLOW_DISK} ms or more in {} of {:.0} seconds: longest in a second, median {median} ms, \
             most {} ms",
            disk.len(),
            self.took.as_secs_f64(),
            disk.last().copied().unwrap_or_default()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# TYPE a histogram
a_bucket{route=\"/x\",le=\"0.001\"} 10
a_bucket{route=\"/x\",le=\"0.0025\"} 30
a_bucket{route=\"/x\",le=\"+Inf\"} 40
a_bucket{route=\"/y\",le=\"0.001\"} 1000
a_sum{route=\"/x\"} 1.5
";

    #[test]
    fn percentiles_are_read_off_the_buckets_of_one_route() {
        let all = buckets(TEXT, "a_bucket", "route=\"/x\"");
        assert_eq!(all, [(0.001, 10), (0.0025, 30), (f64::INFINITY, 40)]);
        assert_eq!(percentile(&all, 50.0), Some(1.75));
        assert_eq!(percentile(&all, 99.0), Some(2.5), "beyond the last bound nothing is known");
        let later = vec![(0.001, 10), (0.0025, 130), (f64::INFINITY, 140)];
        assert_eq!(since(&later, &all), [(0.001, 0), (0.0025, 100), (f64::INFINITY, 100)]);
        assert_eq!(percentile(&Buckets::new(), 50.0), None);
    }

    #[test]
    fn the_waits_of_redis_are_the_second_of_each_pair() {
        assert_eq!(longest("*2\r\n*2\r\n:1764190000\r\n:3\r\n*2\r\n:1764190001\r\n:120\r\n+OK\r\n"), [3, 120]);
    }

    #[test]
    fn what_threads_waited_is_counted() {
        let own = Threads::of(&Source::Fixed(std::process::id()));
        assert!(own.cpu > Duration::ZERO, "{own:?}");
        let nobody = Threads::of(&Source::File("/nowhere".into()));
        assert_eq!(nobody.cpu, Duration::ZERO);
    }
}
