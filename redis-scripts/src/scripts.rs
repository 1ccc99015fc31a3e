//! The table of scripts. Each is the shared prelude and its own file; all can be loaded at start.

use redis::Script;

/// Declares every script with its file.
macro_rules! scripts {
    ($($name:ident = $file:literal),* $(,)?) => {
        $(
            pub(crate) fn $name() -> &'static Script {
                static SCRIPT: std::sync::OnceLock<Script> = std::sync::OnceLock::new();
                SCRIPT.get_or_init(|| Script::new(concat!(
                    include_str!("../scripts/prelude.lua"), include_str!(concat!("../scripts/", $file))
                )))
            }
        )*

        /// Every script.
        pub(crate) fn all() -> Vec<&'static Script> {
            vec![$($name()),*]
        }
    };
}

scripts! {
    write_entity = "write_entity.lua",
    create_entity = "create_entity.lua",
    finish_key = "finish_key.lua",
    redeem_key = "redeem_key.lua",
    claim_session = "claim_session.lua",
    release_session = "release_session.lua",
    close_session = "close_session.lua",
    index_session = "index_session.lua",
    list_sessions = "list_sessions.lua",
    set_metadata = "set_metadata.lua",
    record_events = "record_events.lua",
    read_session_tail = "read_session_tail.lua",
    hand_lease = "hand_lease.lua",
    count_watchers = "count_watchers.lua",
    claim_due = "claim_due.lua",
    confirm_written = "confirm_written.lua",
    trim_stream = "trim_stream.lua",
    note_upload = "note_upload.lua",
    save_submission = "save_submission.lua",
    begin_erasure = "begin_erasure.lua",
    erase_entries = "erase_entries.lua",
}
