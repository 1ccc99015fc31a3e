//! What the server needs of memory: when it has nothing to do, for each live session, and for each open socket.

use std::time::Duration;

use futures_util::{TryStreamExt, stream};
use reqwest::Method;
use tokio::time::sleep;

use super::events::Events;
use super::place::Place;
use crate::api::Who;
use crate::chaos::fleet::Org;
use crate::load::numbers::real;
use crate::load::seats;
use crate::scenario::Quiet;
use crate::setup::Seat;

/// What the allocator keeps or gives back between two looks is as much as a few hundred sessions need: so many more of them
/// are begun.
const ROUNDS: usize = 3;
/// What opening costs for a moment is given back within this time.
const SETTLE: Duration = Duration::from_secs(4);
/// Events that are sent at once.
const AT_ONCE: usize = 16;

/// What was found, in bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Memory {
    /// Before anybody came.
    pub(crate) idle: f64,
    /// For each session that took an event and is quiet.
    pub(crate) per_session: f64,
    /// For each quiet socket; half are candidates, half watchers of them.
    pub(crate) per_socket: f64,
}

/// Begins `n` sessions, then [`ROUNDS`] times as many, and opens two sockets for each of the last `n`. The first ones are not
/// counted: with them the server comes to have what it needs once, buffers and connections for so many at once among it.
pub(crate) async fn measure(place: &Place, n: usize) -> Result<Memory, String> {
    let server = place.process("server");
    let rss = || server.rss_bytes().map(real).ok_or("the server does not run");
    let idle = rss()?;
    let org = place.org().await?;
    begin(&org, n).await?;
    sleep(SETTLE).await;
    let before = rss()?;
    let mut quiet = Vec::new();
    for _ in 0..ROUNDS {
        quiet = begin(&org, n).await?;
    }
    sleep(SETTLE).await;
    let with_sessions = rss()?;
    let sockets = Quiet::open(org.api(0), &quiet).await?;
    sleep(SETTLE).await;
    let with_sockets = rss()?;
    let n_sockets = sockets.n_open();
    if n_sockets != 2 * n {
        return Err(format!("{n_sockets} of {} sockets stayed open", 2 * n));
    }
    let of_each = |more: f64, n: usize| more.max(0.0) / real(u64::try_from(n).unwrap_or(1)).max(1.0);
    Ok(Memory {
        idle,
        per_session: of_each(with_sessions - before, ROUNDS * n),
        per_socket: of_each(with_sockets - with_sessions, n_sockets),
    })
}

/// Begins sessions that have taken an event each.
async fn begin(org: &Org, n: usize) -> Result<Vec<Seat>, String> {
    let begun = seats(org, n).await?;
    stream::iter(begun.iter().map(Ok::<_, String>))
        .try_for_each_concurrent(AT_ONCE, async |seat| {
            let event = Events::of(1, &seat.session)?.one(0);
            let body = String::from_utf8(event.to_vec()).map_err(|error| error.to_string())?;
            let who = Who::Candidate(&seat.credential);
            let reply = org.api(0).once(Method::POST, "/v1/hooks/ingest", who, Some(body)).await?;
            if reply.status == 201 { Ok(()) } else { Err(reply.brief()) }
        })
        .await?;
    Ok(begun)
}
