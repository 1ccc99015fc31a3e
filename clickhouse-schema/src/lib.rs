//! Everything that is ClickHouse: the migrations, one `.sql` file per query, the row types, append and read.
//!
//! Invariants, stated as absences:
//! - No query without the organisation first in its `WHERE`, but for the one that lists organisations, and no value in
//!   the text of a query: values are parameters.
//! - Nothing reads the table `events` without `FINAL`, as the view `events_once` does: repeats are collapsed.
//! - Nothing is added up from inserts: what is derived is derived from the log as a whole.
//! - No row is dropped silently: what cannot be written is an error or a dead letter, what cannot be read is an error.

mod append;
mod artifacts;
mod batches;
mod cohort;
mod compare;
mod config;
mod damage;
mod entities;
mod erase;
mod error;
mod event_log;
mod history;
mod isolate;
mod kept_settings;
mod letters;
mod migrations;
mod posture;
mod results;
mod rows;
mod time;
mod token;
mod totals;

pub use artifacts::KeptArtifacts;
pub use cohort::{CohortStats, Subject};
pub use compare::{GivenEntity, GivenEvents};
pub use config::Config;
pub use entities::LoggedSession;
pub use error::Error;
pub use event_log::EventLog;
pub use history::{Position, TimelinePage};
pub use posture::LogPosture;
pub use results::{ResultContext, SessionResult};
pub use rows::{DeadLetter, EntityRow, LoggedEvent};
