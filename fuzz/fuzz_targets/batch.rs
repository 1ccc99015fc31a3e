//! Any bytes as the body of a batch: its members are those of the array, in order, each as it came.
#![no_main]

use bytes::Bytes;
use domain::batch::members;
use libfuzzer_sys::fuzz_target;
use serde_json::value::RawValue;

const MAX: usize = 5;

fuzz_target!(|bytes: &[u8]| {
    let body = Bytes::copy_from_slice(bytes);
    let Ok(members) = members(&body, MAX) else { return };
    assert!(members.len() <= MAX);
    for member in &members {
        assert!(serde_json::from_slice::<&RawValue>(member).is_ok(), "a member that is no JSON");
    }
    // Put together again, they are taken apart alike.
    let again = [&b"{\"events\":["[..], &members.join(&b','), b"]}"].concat();
    assert_eq!(domain::batch::members(&again.into(), MAX).as_ref(), Ok(&members));
});
