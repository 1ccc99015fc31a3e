//! The table of scripts. Each is the shared prelude and its own file; all can be loaded at start.
//!
//! A Redis that is full refuses a script before it writes anything, unless the script says that it may run all the same.
//! Those say so that only read, and those that make room or write no more than they take: without them a full Redis
//! could never be drained.

use redis::Script;

/// The first line of a script: what it may do when Redis is full.
macro_rules! flags {
    (refused) => {
        "#!lua\n"
    };
    (runs) => {
        "#!lua flags=allow-oom\n"
    };
    (reads) => {
        "#!lua flags=no-writes,allow-oom\n"
    };
}

/// Declares every script with its file, and what becomes of it when Redis is full.
macro_rules! scripts {
    ($($name:ident = $file:literal $when_full:ident),* $(,)?) => {
        $(
            pub(crate) fn $name() -> &'static Script {
                static SCRIPT: std::sync::OnceLock<Script> = std::sync::OnceLock::new();
                SCRIPT.get_or_init(|| Script::new(concat!(
                    flags!($when_full),
                    include_str!("../scripts/prelude.lua"),
                    include_str!(concat!("../scripts/", $file))
                )))
            }
        )*

        /// Every script.
        pub(crate) fn all() -> Vec<&'static Script> {
            vec![$($name()),*]
        }
    };
}

#[rustfmt::skip]
scripts! {
    write_entity = "write_entity.lua" refused,
    create_entity = "create_entity.lua" refused,
    create_member = "create_member.lua" refused,
    remove_member = "remove_member.lua" refused,
    add_delivery = "add_delivery.lua" refused,
    turn_entity = "turn_entity.lua" runs,
    finish_key = "finish_key.lua" refused,
    redeem_key = "redeem_key.lua" refused,
    claim_session = "claim_session.lua" refused,
    release_session = "release_session.lua" runs,
    close_session = "close_session.lua" refused,
    index_session = "index_session.lua" runs,
    list_sessions = "list_sessions.lua" runs,
    set_metadata = "set_metadata.lua" refused,
    add_cost = "add_cost.lua" refused,
    record_events = "record_events.lua" refused,
    read_session_tail = "read_session_tail.lua" reads,
    sign_of_life = "sign_of_life.lua" runs,
    hand_lease = "hand_lease.lua" runs,
    count_watchers = "count_watchers.lua" runs,
    claim_due = "claim_due.lua" runs,
    confirm_written = "confirm_written.lua" runs,
    trim_stream = "trim_stream.lua" runs,
    mark_doubted = "mark_doubted.lua" runs,
    rewind_log = "rewind_log.lua" runs,
    list_confirmed = "list_confirmed.lua" reads,
    rewrite_entries = "rewrite_entries.lua" runs,
    note_upload = "note_upload.lua" refused,
    note_token = "note_token.lua" refused,
    save_submission = "save_submission.lua" refused,
    begin_erasure = "begin_erasure.lua" runs,
    erase_entries = "erase_entries.lua" runs,
    forget_removal = "forget_removal.lua" runs,
    restore_entity = "restore_entity.lua" refused,
    restore_sums = "restore_sums.lua" refused,
    draw_budget = "draw_budget.lua" refused,
}
