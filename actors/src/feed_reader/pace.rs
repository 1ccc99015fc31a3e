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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_are_read_less_often_where_many_are_watched_and_often_enough() {
        let every = |n_feeds| signals_every(n_feeds).as_millis();
        assert_eq!([0, 1, 50].map(every), [250; 3]);
        assert_eq!([100, 200, 400].map(every), [500, 1_000, 2_000]);
        assert_eq!([401, 5_000, usize::MAX].map(every), [2_000; 3]);
    }
}
