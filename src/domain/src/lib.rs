//! The rules of Promptster: what an event is, what it contributes to the signals of its session, and how candidates
//! compare.
//!
//! Invariants, stated as absences:
//! - No I/O, no clock, no randomness, no runtime: time and ids are arguments.
//! - Nothing here fails on valid input. All doubt ends in [`Event::parse`].
//! - No type here is a wire format by accident: what is printed is printed by [`row`], [`export`] and [`signals`].

pub mod artifacts;
pub mod attribution;
pub mod batch;
pub mod cohort;
mod contribution;
mod event;
pub mod export;
mod facts;
pub mod frame;
mod ids;
mod json;
mod kind;
pub mod model;
mod parse;
mod payload;
mod retention;
pub mod row;
pub mod rubric;
mod session;
pub mod signals;
pub mod signature;
mod source;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod time;
pub mod verification;
mod windows;

pub use contribution::{Contribution, Counts, LastTest, PathHash, Totals};
pub use event::{Event, StoredEvent};
pub use facts::Facts;
pub use ids::{InvalidSessionId, OrgId, SessionId, SessionRef};
pub use json::{MAX_JSON_DEPTH, exceeds_depth};
pub use kind::Kind;
pub use parse::{Detail, Limits, ParseError, PathPart};
pub use payload::schemas as payload_schemas;
pub use retention::RETENTION_DAYS;
pub use session::{Session, SessionRecord, Status};
pub use source::{Attribution, Author, Channel, Observability, Provenance, Source};
pub use time::Timestamp;
pub use verification::CommandClass;
pub use windows::{BUCKET_MS, WindowCounts, Windows, bucket_of};
