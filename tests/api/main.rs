//! The server as its users meet it: the real program, real stores, real sockets.
//!
//! A test starts a [`harness::TestApp`] and speaks as a reviewer, a candidate or a stranger. `TEST_LOG=1` prints the
//! server's log; a failing test prints it anyway. Snapshots of whole replies are in `snapshots/`; to change them on
//! purpose: `INSTA_UPDATE=always cargo nextest run -p promptster-server --test api`.
#![expect(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test may fail where it stands, and the harness is one crate with its tests"
)]

mod harness;
mod playing;

mod access;
mod artifacts;
mod assessments;
mod at_rest;
mod attribution;
mod backup;
mod bodies;
mod budgets;
mod candidate_routes;
mod caps;
mod cohort;
mod complete;
mod config;
mod consent;
mod cors;
mod crashes;
mod credentials;
mod damage;
mod dashboard;
mod dead_letters;
mod deadlines;
mod defaults;
mod derive;
mod described;
mod doctor;
mod empty_redis;
mod ends;
mod erased_bytes;
mod erasure;
mod event_limits;
mod every_body;
mod export;
mod fields;
mod health;
mod hiring_cli;
mod import;
mod ingest;
mod ingest_batch;
mod issues;
mod judge;
mod judge_fails;
mod jwt;
mod key_states;
mod keys;
mod limits;
mod limits_of_candidates;
mod live;
mod live_sse;
mod mail;
mod many_nodes;
mod members;
mod methods;
mod metrics;
mod oidc;
mod oidc_refusals;
mod operator_keys;
mod org;
mod overload;
mod proxy;
mod proxy_limits;
mod proxy_records;
mod queries;
mod quick_start;
mod races;
mod rebuild;
mod reconciler;
mod redeem;
mod replies;
mod retention;
mod rubrics;
mod scores;
mod secrets;
mod sessions;
mod shared_budgets;
mod sign_in;
mod signals;
mod signed;
mod signed_vectors;
mod starting;
mod stopping;
mod stream;
mod switch;
mod tickets;
mod timeline;
mod traces;
mod two_nodes;
mod uploads;
mod wall;
mod webhooks;
