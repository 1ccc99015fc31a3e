//! How long to go on when nothing gets through, and how long to wait between two tries.

use std::time::Duration;

use tokio::time::Instant;

const FIRST_BACKOFF: Duration = Duration::from_millis(100);
const LAST_BACKOFF: Duration = Duration::from_secs(2);

/// Counts failures in a row.
#[derive(Debug)]
pub(crate) struct Patience {
    limit: Duration,
    since: Option<Instant>,
    failures: u32,
}

impl Patience {
    /// Ends when nothing got through for `limit`.
    pub(crate) fn new(limit: Duration) -> Self {
        Self { limit, since: None, failures: 0 }
    }

    /// Something got through.
    pub(crate) fn got_through(&mut self) {
        self.since = None;
        self.failures = 0;
    }

    /// Something failed: how long to wait, at least what the server `asked` for. `None` when it went on for too long.
    pub(crate) fn failed(&mut self, asked: Option<Duration>) -> Option<Duration> {
        let since = *self.since.get_or_insert_with(Instant::now);
        if since.elapsed() >= self.limit {
            return None;
        }
        let backoff = FIRST_BACKOFF.saturating_mul(2_u32.saturating_pow(self.failures)).min(LAST_BACKOFF);
        self.failures = self.failures.saturating_add(1);
        let backoff = backoff.mul_f64(rand::random_range(0.5..=1.0));
        Some(asked.map_or(backoff, |asked| asked.max(backoff)))
    }
}

#[cfg(test)]
mod tests {
    use super::Patience;
    use std::time::Duration;

    #[test]
    fn it_waits_longer_each_time_and_as_long_as_it_is_asked_to() {
        let mut patience = Patience::new(Duration::from_secs(60));
        assert!(patience.failed(None).unwrap() <= Duration::from_millis(100));
        for _ in 0..10 {
            patience.failed(None).unwrap();
        }
        assert!(patience.failed(None).unwrap() >= Duration::from_secs(1));
        assert_eq!(patience.failed(Some(Duration::from_secs(7))), Some(Duration::from_secs(7)));
        patience.got_through();
        assert!(patience.failed(None).unwrap() <= Duration::from_millis(100));
    }

    #[test]
    fn it_ends() {
        let mut patience = Patience::new(Duration::ZERO);
        assert_eq!(patience.failed(None), None);
    }
}
