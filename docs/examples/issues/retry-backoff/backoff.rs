//! How long to wait before trying again. `rustc --test backoff.rs && ./backoff`

/// Milliseconds to wait after so many failures in a row: none after none, then `first_ms`, doubled with each further
/// failure, `most_ms` at most.
pub fn wait_ms(failures: u32, first_ms: u64, most_ms: u64) -> u64 {
    (first_ms << failures).min(most_ms)
}

#[cfg(test)]
mod tests {
    use super::wait_ms;

    #[test]
    fn nobody_waits_before_the_first_failure() {
        assert_eq!(wait_ms(0, 100, 5_000), 0);
    }

    #[test]
    fn the_wait_doubles_up_to_the_most() {
        let waits: Vec<u64> = (1..=8).map(|failures| wait_ms(failures, 100, 5_000)).collect();
        assert_eq!(waits, [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]);
    }

    #[test]
    fn many_failures_overflow_nothing() {
        for failures in [63, 64, 65, 1_000, u32::MAX] {
            assert_eq!(wait_ms(failures, 100, 5_000), 5_000, "{failures}");
        }
    }
}
