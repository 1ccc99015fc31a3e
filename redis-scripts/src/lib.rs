//! Everything that is Redis: each Lua script beside its only caller, and every key in [`keys`].
//!
//! Invariants, stated as absences:
//! - No key is spelled outside `keys.rs`, and no client text stands before a key's hash tag.
//! - No script touches two hash tags; no script does arithmetic that Rust could do; no script writes before its `XADD`.
//! - Nothing here knows an actor, HTTP or ClickHouse.
//! - Nothing is retried behind a caller's back: an error means "not known", never "not written".

mod commit;
mod connection;
mod entity;
mod error;
pub mod keys;
mod log_stream;
mod pack;
mod record;
mod scripts;
mod session_index;
mod sessions;
pub mod tail;
mod windows;

pub use commit::LoggedEvents;
pub use connection::{Config, Redis};
pub use entity::{Entity, Fields};
pub use error::Error;
pub use log_stream::{Content, EntityChange, Entry};
pub use record::{Commit, CommitPart, MAX_COMMIT_EVENTS, Outcome, Refusal};
pub use session_index::{SessionQuery, UnsettledSession};
pub use sessions::{Close, Closed, NewSession};
