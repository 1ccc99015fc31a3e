//! Any text as a wake-up of other nodes: no more sessions than lines, each of which can be named again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use redis_scripts::keys::parse_wake;

fuzz_target!(|payload: &str| {
    let woken: Vec<_> = parse_wake(payload).collect();
    assert!(woken.len() <= payload.lines().count());
    for one in woken {
        let mark = if one.turned { "!" } else { "" };
        let again: Vec<_> = parse_wake(&format!("{mark}{}", one.session)).collect();
        assert!(again.len() == 1 && again[0].session == one.session && again[0].turned == one.turned);
    }
});
