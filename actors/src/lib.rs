//! Who does it. Requests go down, news comes up by wake-ups and watch channels; nobody asks upwards.
//!
//! ```text
//!  HTTP / WebSocket edge
//!      │ record(events)                  │ watch(session)              │ timeline(page)
//!      ▼                                 ▼                             ▼
//!  Sessions (map) ──► Session        Feeds (map) ──► Feed          History
//!                        │ Commit        ▲ wake        │ reads          │ reads
//!                        ▼               │             ▼                ▼
//!                    Committer        Wakeups ◄──── Redis ◄──────── ClickHouse
//!                        │ record_events.lua   ▲ stream                 ▲ rows
//!                        └────────► Redis ─────┴──────► LogWriter ──────┘
//!                                     └─ what is due ──► Timekeeper ──► Sessions
//! ```
//!
//! The Reconciler compares what Redis still holds of what the LogWriter wrote with what ClickHouse has.
//!
//! When a session has ended, the Deriver makes its artifacts, and the Analyst has a language model judge its prompts where there
//! is one; nobody waits for either.
//!
//! Walls show many sessions at once as Feeds show one: woken alike, each with a reader of its own.
//!
//! Invariants, stated as absences:
//! - No actor holds a truth that is not in Redis; each may die at any moment and be started again.
//! - No actor waits for one above it, and none waits without a limit.
//! - No event is kept here after its fate is known, and none is acknowledged before it is durable.
//! - Nothing here knows HTTP.

mod after_end;
mod analyst;
mod arbiters;
mod clock;
mod closing;
mod committer;
mod deriver;
mod feed;
mod feed_reader;
mod feeds;
mod history;
mod judge;
mod log_writer;
mod merge;
mod reconciler;
mod running;
mod session;
mod sessions;
mod timekeeper;
mod wakeups;
mod wall;
mod wall_reader;
mod walls;
mod watch;

pub use analyst::{Analysed, AnalysisError, Analyst};
pub use closing::{ResultsError, SettleError, settle_record, settle_results};
pub use committer::CommitError;
pub use deriver::{Derived, Deriver};
pub use feed::Feed;
pub use feeds::Feeds;
pub use history::{History, HistoryError, TimelineQuery};
pub use judge::{Judge, Judging, NoAnswer};
pub use log_writer::rewrite_log;
pub use running::{Options, Running};
pub use session::{Receipt, RecordError};
pub use sessions::Sessions;
pub use walls::{WallWatch, Walls};
pub use watch::{News, Start, Watch};
