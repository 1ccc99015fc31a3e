//! Against a real ClickHouse engine, one per test.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails where it stands")]

mod append;
mod cohort;
mod compare;
mod entities;
mod erase;
mod faults;
mod history;
mod letters;
mod migrations;
mod results;
mod store;
