//! CPU and memory of the processes of a service over time, from `/proc`.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::numbers::real;

/// How often it is looked.
const EVERY: Duration = Duration::from_secs(1);

/// Where a process id comes from.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    /// It stays.
    Fixed(u32),
    /// It stands in a file, and changes when the process is started again.
    File(PathBuf),
}

/// How a process was at a moment.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Sample {
    /// Seconds since the beginning of the run.
    pub(crate) at_s: f64,
    /// Of one core, since the sample before.
    pub(crate) cpu_percent: f64,
    /// Resident memory.
    pub(crate) rss_mib: f64,
}

/// Looks at processes until it is dropped.
#[derive(Debug)]
pub(crate) struct Processes {
    samples: Arc<Mutex<BTreeMap<String, Vec<Sample>>>>,
    looking: JoinHandle<()>,
}

impl Source {
    fn pid(&self) -> Option<u32> {
        match self {
            Self::Fixed(pid) => Some(*pid),
            Self::File(path) => fs::read_to_string(path).ok()?.trim().parse().ok(),
        }
    }

    /// Resident memory now, in bytes; nothing while it does not run.
    pub(crate) fn rss_bytes(&self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid()?)).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        Some(line.trim().trim_end_matches(" kB").parse::<u64>().ok()? * 1024)
    }

    /// How many files and sockets it has open.
    pub(crate) fn n_descriptors(&self) -> Option<usize> {
        Some(fs::read_dir(format!("/proc/{}/fd", self.pid()?)).ok()?.count())
    }

    /// CPU time so far; nothing while it does not run.
    pub(crate) fn cpu(&self) -> Option<Duration> {
        Some(Duration::from_secs_f64(real(self.cpu_ticks()?.1) / real(rustix::param::clock_ticks_per_second())))
    }

    /// What each of its threads has run so far, and waited for a core while it had work; nothing while it does not run.
    pub(crate) fn threads(&self) -> Option<Vec<(Duration, Duration)>> {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.pid()?)).ok()?.flatten();
        let of = |task: fs::DirEntry| {
            let text = fs::read_to_string(task.path().join("schedstat")).ok()?;
            let mut nanos = text.split_whitespace().map(|field| field.parse().map(Duration::from_nanos));
            Some((nanos.next()?.ok()?, nanos.next()?.ok()?))
        };
        Some(tasks.filter_map(of).collect())
    }

    /// The id and the CPU time so far, in ticks of the clock.
    fn cpu_ticks(&self) -> Option<(u32, u64)> {
        let pid = self.pid()?;
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name may hold blanks; it ends with the last bracket.
        let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
        let mut next = || fields.next()?.parse::<u64>().ok();
        Some((pid, next()? + next()?))
    }
}

impl Processes {
    /// Looks at these from now on.
    pub(crate) fn watch(sources: Vec<(String, Source)>, epoch: Instant) -> Self {
        let samples: Arc<Mutex<BTreeMap<String, Vec<Sample>>>> = Arc::default();
        let kept = Arc::clone(&samples);
        let looking = tokio::spawn(async move {
            let mut before: BTreeMap<String, (u32, u64, Instant)> = BTreeMap::new();
            let mut ticks = interval(EVERY);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                for (name, source) in &sources {
                    let (Some((pid, used)), Some(rss)) = (source.cpu_ticks(), source.rss_bytes()) else { continue };
                    let now = Instant::now();
                    let last = before.insert(name.clone(), (pid, used, now)).filter(|(last, ..)| *last == pid);
                    let cpu_percent = last.map_or(0.0, |(_, last, at)| {
                        real(used.saturating_sub(last)) * 100.0
                            / real(rustix::param::clock_ticks_per_second())
                            / now.duration_since(at).as_secs_f64().max(0.001)
                    });
                    let at_s = now.saturating_duration_since(epoch).as_secs_f64();
                    let sample = Sample { at_s, cpu_percent, rss_mib: real(rss) / 1_048_576.0 };
                    kept.lock().unwrap_or_else(PoisonError::into_inner).entry(name.clone()).or_default().push(sample);
                }
            }
        });
        Self { samples, looking }
    }

    /// All samples so far, by process.
    pub(crate) fn samples(&self) -> BTreeMap<String, Vec<Sample>> {
        self.samples.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The largest resident memory of a process between two times of the run, in MiB.
    pub(crate) fn peak_mib(&self, name: &str, from: Duration, to: Duration) -> f64 {
        let samples = self.samples();
        let within = |sample: &&Sample| (from.as_secs_f64()..=to.as_secs_f64()).contains(&sample.at_s);
        samples.get(name).into_iter().flatten().filter(within).map(|sample| sample.rss_mib).fold(0.0, f64::max)
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        self.looking.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_busy_process_is_seen_to_be_busy() {
        let sources = vec![
            ("self".to_owned(), Source::Fixed(std::process::id())),
            ("nobody".to_owned(), Source::File("/nowhere".into())),
        ];
        let processes = Processes::watch(sources, Instant::now());
        let until = Instant::now() + Duration::from_millis(2500);
        while Instant::now() < until {
            std::hint::black_box((0..10_000_u64).sum::<u64>());
            tokio::task::yield_now().await;
        }
        let samples = processes.samples();
        assert!(!samples.contains_key("nobody"));
        let own = &samples["self"];
        assert!(own.len() >= 2 && own[1].cpu_percent > 1.0, "{own:?}");
        assert!(processes.peak_mib("self", Duration::ZERO, Duration::from_secs(9)) > 1.0);
        assert!(Source::Fixed(std::process::id()).n_descriptors().unwrap() > 3);
    }
}
