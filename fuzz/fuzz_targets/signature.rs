//! Any event as a signed one: its claim, its canonical form in every spelling, and the check of a signature that does not
//! hold, with a key that is one and with one that is none.
#![no_main]

use bytes::Bytes;
use domain::signature::{Canonical, PublicKey, SigCheck};
use domain::{Event, Limits, Timestamp};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Some(canonical) = Canonical::read(text)
    {
        for spelling in canonical.spellings() {
            let spelled = canonical.spelled(spelling);
            assert_eq!(spelled, canonical.spelled(spelling));
            assert!(!spelled.contains('\n'), "a canonical form of several lines");
        }
    }
    let limits = Limits { now: Timestamp::from_millis(1_775_037_600_000), strict_kinds: false };
    let Ok(mut event) = Event::parse(Bytes::copy_from_slice(bytes), &limits) else { return };
    // The base point of the curve, and no point.
    let keys = ["WGZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmY=", "x"].map(PublicKey::of_base64);
    let check = SigCheck::of(&event, &keys);
    assert!(check.as_ref().is_none_or(|check| check.holds == Some(false)), "a signature that nobody made");
    if let Some(hash) = SigCheck::event_hash(&event, &keys) {
        assert!(check.is_none_or(|check| check.event_hash == hash), "two hashes of one event");
    }
    event.check_signature(&keys);
});
