//! How far a worker is behind: how late it comes to what it was to do at a certain time. What waits for it, requests that
//! have come and connections that can be read, waits as long. A worker that is behind refuses events before it looks at
//! them, so that what it does take is answered while its client still waits.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// How often a worker feels its pulse.
const EVERY: Duration = Duration::from_millis(100);

/// From here on it is late. Hooks give up after 3 s.
const LATE: Duration = Duration::from_millis(500);

/// So many times in a row make it behind: a machine that holds its breath once is no reason to refuse anybody.
const TIMES: u32 = 2;

thread_local! {
    static BEHIND: Cell<bool> = const { Cell::new(false) };
}

/// Whether the worker of this thread is behind.
#[must_use]
pub fn is_behind() -> bool {
    BEHIND.get()
}

/// Feels the pulse of the worker of this thread, for ever.
pub async fn feel() {
    let mut pulse = Pulse::default();
    loop {
        let due = Instant::now() + EVERY;
        tokio::time::sleep_until(due.into()).await;
        let late = due.elapsed();
        metrics::histogram!("promptster_worker_late_seconds").record(late.as_secs_f64());
        let is_behind = pulse.is_behind(late);
        if BEHIND.replace(is_behind) != is_behind {
            match is_behind {
                true => tracing::warn!(late_ms = late.as_millis(), "this worker is behind: events are refused"),
                false => tracing::info!("this worker has caught up"),
            }
        }
    }
}

#[derive(Default)]
struct Pulse {
    n_late: u32,
}

impl Pulse {
    fn is_behind(&mut self, late: Duration) -> bool {
        self.n_late = if late >= LATE { self.n_late.saturating_add(1) } else { 0 };
        self.n_late >= TIMES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_late_again_and_again_is_behind_and_who_comes_in_time_is_not() {
        let mut pulse = Pulse::default();
        let felt = [0, 700, 0, 500, 500, 900, 499, 600].map(|ms| pulse.is_behind(Duration::from_millis(ms)));
        assert_eq!(felt, [false, false, false, false, true, true, false, false]);
    }

    #[tokio::test]
    async fn a_worker_that_has_too_much_to_do_is_behind_until_it_has_done_it() {
        let feeling = tokio::spawn(feel());
        assert!(!is_behind());
        for _ in 0..3 {
            std::thread::sleep(LATE + EVERY * 2);
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert!(is_behind());
        while is_behind() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        feeling.abort();
    }
}
