//! How often the signals of a watched session are read.

use std::time::Duration;

/// Signals are read and sent at most this often …
const SIGNALS_EVERY: Duration = Duration::from_millis(250);

/// … and less often where many sessions are watched: this long for each of them, so that a node reads at most 200 a second.
/// To read a session costs about as much as to record an event.
const SIGNALS_SHARE: Duration = Duration::from_millis(5);

/// Signals are never older than this, however many are watched.
const SIGNALS_WITHIN: Duration = Duration::from_secs(2);

/// How long it takes from one reading of a session to the next where `n_feeds` are watched on this node.
pub(super) fn signals_every(n_feeds: usize) -> Duration {
    let shared = SIGNALS_SHARE.saturating_mul(u32::try_from(n_feeds).unwrap_or(u32::MAX));
    shared.clamp(SIGNALS_EVERY, SIGNALS_WITHIN)
}
