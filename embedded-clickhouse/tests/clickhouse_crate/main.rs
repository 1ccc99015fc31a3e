//! Drives the real process through the official `clickhouse` crate, unmodified.
//!
//! Each test starts a process of its own on a free port and a data directory of its own, so tests can also kill it. It
//! takes 0.2 to 0.5 s each; that is why a test asks more than one thing.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod crash;
mod http;
mod isolation;
mod lifecycle;
mod refusals;
mod rows;
mod server;
mod tables;
