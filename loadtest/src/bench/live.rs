//! What a crowd notices: how soon events are acknowledged and seen at half of what the server takes, and what hundreds of
//! watchers of one session change. Arrivals are on a schedule, whatever became of earlier ones.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::sleep;

use super::place::Place;
use super::waiting::{Before, Waiting};
use crate::load::numbers::real;
use crate::load::{Cast, Playing, Span, Stage, Stages, verify};

/// Sessions of the crowd, each with a watcher.
const SESSIONS: usize = 200;
/// Its events per second.
const RATE_OF_ONE: f64 = 50.0;
/// What is offered before it counts.
const WARM: Duration = Duration::from_secs(3);

/// The search for what is sustained: from here, with this factor from step to step, each kept up this long.
const SEARCH_FROM: f64 = 500.0;
const SEARCH_BY: f64 = 1.25;
const SEARCH_STEP: Duration = Duration::from_secs(4);
/// A rate is sustained while 98 of 100 events that were due are acknowledged, half of them within this time: where more comes
/// than goes, the queue shows in the median, which a disk that stands still for a moment does not change.
const IN_TIME: Duration = Duration::from_millis(50);

/// What was found of a crowd.
pub(crate) struct Crowd {
    /// The most events per second that it sustains.
    pub(crate) sustained: f64,
    /// What it was like at half of that.
    pub(crate) at_half: Span,
    /// What its acknowledgements waited for.
    pub(crate) waiting: Waiting,
}

/// Single events by HTTP in 200 sessions with a watcher each: the rate that is sustained, unless it is `given`, and half
/// of it.
pub(crate) async fn crowd(place: &Place, given: Option<f64>, time: Duration) -> Result<Crowd, String> {
    let mut playing = begin(place, SESSIONS, SESSIONS).await?;
    let sustained = match given {
        Some(rate) => rate,
        None => search(&mut playing).await?,
    };
    let failed_before = playing.crowd.meter.failures();
    let (at_half, waiting) = play(place, playing, sustained / 2.0, time, &failed_before).await?;
    Ok(Crowd { sustained, at_half, waiting })
}

/// The most events per second that are all taken in time, found by ever higher steps.
async fn search(playing: &mut Playing) -> Result<f64, String> {
    let (mut sustained, mut rate) = (None, SEARCH_FROM);
    loop {
        let begin = playing.offer(&flat(rate, SEARCH_STEP)).await;
        // The answers to the last ones.
        sleep(IN_TIME * 10).await;
        let span = playing.crowd.meter.between(begin, begin + SEARCH_STEP);
        let all = real(span.ack.n()) >= 0.98 * real(span.due);
        if !all || span.ack.percentile(50).is_none_or(|p50| p50 > IN_TIME) {
            break;
        }
        sustained = Some(rate);
        rate *= SEARCH_BY;
    }
    // What the search left behind is done.
    sleep(WARM).await;
    sustained.ok_or_else(|| format!("not even {SEARCH_FROM} events per second are taken in time"))
}

/// One session at 50 events a second, with so many watchers.
pub(crate) async fn one(place: &Place, watchers: usize, time: Duration) -> Result<Span, String> {
    let playing = begin(place, 1, watchers).await?;
    Ok(play(place, playing, RATE_OF_ONE, time, &BTreeMap::new()).await?.0)
}

async fn begin(place: &Place, candidates: usize, watchers: usize) -> Result<Box<Playing>, String> {
    let cast = Cast { candidates, watchers, mix: "http=1".parse()?, large: 0.0, seed: 1 };
    Ok(Box::new(Box::pin(Playing::begin(place.org().await?, &cast, |_| {})).await?))
}

fn flat(rate: f64, length: Duration) -> Stages {
    Stages(vec![Stage::flat(rate, length)])
}

/// Offers `rate` events a second, and checks all that was ever acknowledged.
async fn play(
    place: &Place,
    mut playing: Box<Playing>,
    rate: f64,
    time: Duration,
    failed_before: &BTreeMap<String, u64>,
) -> Result<(Span, Waiting), String> {
    playing.offer(&flat(rate, WARM)).await;
    let before = Before::look(place).await?;
    let begin = playing.offer(&flat(rate, time)).await;
    let waiting = before.until_now().await?;
    let played = Box::pin(playing.end(|_| {})).await?;
    let wrong = verify(&played).await?;
    if let Some(first) = wrong.first() {
        return Err(format!("{} violations, the first: {first:?}", wrong.len()));
    }
    let failures = played.crowd.meter.failures();
    if failures != *failed_before {
        return Err(format!("at {rate:.0} events a second some were not taken: {failures:?}"));
    }
    Ok((played.crowd.meter.between(begin, begin + time), waiting))
}
