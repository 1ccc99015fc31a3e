//! What a crowd notices: how soon events are acknowledged and seen at half of what the server takes, and what hundreds of
//! watchers of one session change. Arrivals are on a schedule, whatever became of earlier ones.

use std::time::Duration;

use super::place::Place;
use crate::load::{Cast, Playing, Span, Stage, Stages, verify};

/// Sessions at half of the rate, each with a watcher.
const SESSIONS: usize = 200;
/// Its events per second.
const RATE_OF_ONE: f64 = 50.0;
/// What is offered before it counts.
const WARM: Duration = Duration::from_secs(3);

/// Single events by HTTP at this rate, in 200 sessions with a watcher each.
pub(crate) async fn crowd(place: &Place, rate: f64, time: Duration) -> Result<Span, String> {
    play(place, SESSIONS, SESSIONS, rate, time).await
}

/// One session at 50 events a second, with so many watchers.
pub(crate) async fn one(place: &Place, watchers: usize, time: Duration) -> Result<Span, String> {
    play(place, 1, watchers, RATE_OF_ONE, time).await
}

async fn play(place: &Place, candidates: usize, watchers: usize, rate: f64, time: Duration) -> Result<Span, String> {
    let cast = Cast { candidates, watchers, mix: "http=1".parse()?, large: 0.0, seed: 1 };
    let mut playing = Box::pin(Playing::begin(place.org().await?, &cast, |_| {})).await?;
    let flat = |length| Stages(vec![Stage::flat(rate, length)]);
    playing.offer(&flat(WARM)).await;
    let begin = playing.offer(&flat(time)).await;
    let played = Box::pin(playing.end(|_| {})).await?;
    let wrong = verify(&played).await?;
    if let Some(first) = wrong.first() {
        return Err(format!("{} violations, the first: {first:?}", wrong.len()));
    }
    let failures = played.crowd.meter.failures();
    if !failures.is_empty() {
        return Err(format!("at {rate:.0} events a second some were not taken: {failures:?}"));
    }
    Ok(played.crowd.meter.between(begin, begin + time))
}
