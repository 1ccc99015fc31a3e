//! Any bytes as a field of a stream entry: its name up to the first line break, and its value. What is read counts up from
//! where it says that it begins.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use redis_scripts::LoggedEvents;

fuzz_target!(|bytes: &[u8]| {
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let (name, value) = bytes.split_at(end);
    let value = Bytes::copy_from_slice(value.get(1..).unwrap_or_default());
    let Ok(logged) = LoggedEvents::decode(&String::from_utf8_lossy(name), value) else { return };
    for (stored, place) in logged.events.iter().zip(1..) {
        assert_eq!((stored.seq, stored.org), (logged.base + place, logged.session.org));
    }
    assert!(logged.last_seq() >= logged.base);
});
