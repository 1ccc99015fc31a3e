//! Any text as a frame of a candidate's or of a watcher's WebSocket: what is read are parts of the very bytes that came.
#![no_main]

use bytes::Bytes;
use domain::frame::{Asked, Frame, id_of};
use libfuzzer_sys::fuzz_target;

const MAX_BATCH: usize = 5;

fuzz_target!(|text: &str| {
    let bytes = Bytes::copy_from_slice(text.as_bytes());
    match Frame::parse(&bytes, MAX_BATCH) {
        Ok(Frame::Events(events)) => {
            assert!(events.len() <= MAX_BATCH);
            for event in events {
                let (whole, part) = (bytes.as_ptr_range(), event.as_ptr_range());
                assert!(whole.start <= part.start && part.end <= whole.end, "a copy, or bytes of somebody else");
                std::hint::black_box(id_of(&event));
            }
        }
        Ok(Frame::End(_)) => assert!(text.contains("end")),
        Err(error) => assert!(!error.code.is_empty() && !error.message.is_empty()),
    }
    if let Some(Asked::Resume { after }) = Asked::parse(text) {
        assert!(serde_json::from_str::<serde_json::Value>(text).is_ok_and(|asked| asked["after"] == after));
    }
});
