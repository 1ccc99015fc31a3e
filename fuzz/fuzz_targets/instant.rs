//! Any text as an instant: what is read prints as one, which is read as the same.
#![no_main]

use domain::Timestamp;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Some(instant) = Timestamp::parse_rfc3339(text) else { return };
    let printed = instant.to_string();
    assert_eq!(printed.len(), "2026-04-01T10:15:00.000Z".len(), "{printed}");
    assert_eq!(Timestamp::parse_rfc3339(&printed), Some(instant));
    assert_eq!(Timestamp::from_millis(instant.millis()), instant);
});
