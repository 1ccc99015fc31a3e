//! When events are due: stages of a rate that holds or changes evenly, and the times that follow from it.

use std::str::FromStr;
use std::time::Duration;

use serde::Serialize;

use crate::reach::duration;

/// A part of a run: the rate goes evenly from one value to another, in events per second.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Stage {
    /// The rate at its beginning.
    pub(crate) from: f64,
    /// The rate at its end.
    pub(crate) to: f64,
    /// How long it takes, in seconds.
    pub(crate) seconds: f64,
}

/// The stages of a run, one after the other.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Stages(pub(crate) Vec<Stage>);

impl Stage {
    /// A rate that holds.
    pub(crate) fn flat(rate: f64, length: Duration) -> Self {
        Self { from: rate, to: rate, seconds: length.as_secs_f64() }
    }

    /// How many events are due in the first `at` seconds of it.
    fn due_until(&self, at: f64) -> f64 {
        let at = at.clamp(0.0, self.seconds);
        self.from * at + (self.to - self.from) * at * at / (2.0 * self.seconds.max(f64::EPSILON))
    }

    /// When so many events have become due, in seconds of it.
    fn when(&self, n: f64) -> f64 {
        let slope = (self.to - self.from) / self.seconds.max(f64::EPSILON);
        if slope.abs() < 1e-9 {
            return n / self.from.max(f64::EPSILON);
        }
        (-self.from + (self.from * self.from + 2.0 * slope * n).max(0.0).sqrt()) / slope
    }
}

impl Stages {
    /// All of it.
    pub(crate) fn length(&self) -> Duration {
        Duration::from_secs_f64(self.0.iter().map(|stage| stage.seconds).sum())
    }

    /// Where each stage begins and ends, since the beginning of the run.
    pub(crate) fn spans(&self) -> impl Iterator<Item = (Stage, Duration, Duration)> {
        let mut at = 0.0;
        self.0.iter().map(move |stage| {
            let begin = at;
            at += stage.seconds;
            (*stage, Duration::from_secs_f64(begin), Duration::from_secs_f64(at))
        })
    }

    /// When each event is due, since the beginning of the run.
    pub(crate) fn arrivals(&self) -> impl Iterator<Item = Duration> {
        self.0
            .clone()
            .into_iter()
            .scan(0.0, |begin, stage| {
                let at = *begin;
                *begin += stage.seconds;
                let n = stage.due_until(stage.seconds);
                let one =
                    std::iter::successors(Some(0.5), |place| Some(place + 1.0)).take_while(move |place| *place < n);
                Some(one.map(move |place| Duration::from_secs_f64(at + stage.when(place))))
            })
            .flatten()
    }
}

/// `100:30s,100-500:1m,500:60s`: a rate that holds, or two with the way between them.
impl FromStr for Stages {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let stage = |text: &str| {
            let wrong = || format!("{text:?} is no stage: it is like 100:30s or 100-500:1m");
            let (rate, length) = text.trim().split_once(':').ok_or_else(wrong)?;
            let (from, to) = rate.split_once('-').unwrap_or((rate, rate));
            let rate = |text: &str| {
                let rate: f64 = text.parse().map_err(|_| wrong())?;
                if (0.0..=1e6).contains(&rate) { Ok(rate) } else { Err(wrong()) }
            };
            let seconds = duration(length).map_err(|_| wrong())?.as_secs_f64();
            if !(0.1..=864_000.0).contains(&seconds) {
                return Err(wrong());
            }
            Ok(Stage { from: rate(from)?, to: rate(to)?, seconds })
        };
        text.split(',').map(stage).collect::<Result<_, _>>().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_are_read_as_people_write_them() {
        let stages: Stages = "100:30s, 100-500:1m".parse().unwrap();
        assert_eq!(
            stages.0,
            [Stage::flat(100.0, Duration::from_secs(30)), Stage { from: 100.0, to: 500.0, seconds: 60.0 }]
        );
        assert_eq!(stages.length(), Duration::from_secs(90));
        for wrong in ["", "100", "x:30s", "100:x", "-1:3s", "1-2-3:4s", "100:0s", "1e9:3s", "NaN:3s"] {
            assert!(wrong.parse::<Stages>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn as_many_events_are_due_as_the_rate_says_and_evenly() {
        let at = |text: &str| text.parse::<Stages>().unwrap().arrivals().collect::<Vec<_>>();
        let even = at("10:2s");
        assert_eq!(even.len(), 20);
        assert!(even.windows(2).all(|pair| (pair[1] - pair[0]).as_millis().abs_diff(100) < 2), "{even:?}");
        let ramp = at("0-100:10s,100:1s,100-0:10s,0:3s");
        assert_eq!(ramp.len(), 1100);
        assert!(ramp.is_sorted());
        let within = |from: u64, to: u64| {
            ramp.iter().filter(|at| (from * 1000..to * 1000).contains(&u64::try_from(at.as_millis()).unwrap())).count()
        };
        assert!(within(0, 5).abs_diff(125) < 3 && within(10, 11).abs_diff(100) < 3 && within(16, 21).abs_diff(125) < 3);
    }
}
