//! The server: the HTTP and WebSocket edge, and what wires it to the stores and the actors.
//!
//! Invariants, stated as absences:
//! - No handler decides a rule of the product: rules are in `domain`, transitions in `redis-scripts`.
//! - No handler holds truth between two requests; what is cached here never changes (see [`http::credentials`]).
//! - No clock is read outside [`clock`], no setting outside [`settings`].
//! - No request is let through because a store did not answer.

pub mod app;
pub mod catalogue;
pub mod check;
pub mod clock;
pub mod config;
pub mod dead_letters;
pub mod derive;
pub mod descriptors;
pub mod dev;
pub mod doctor;
pub mod erase;
pub mod http;
pub mod import;
pub mod ingest;
pub mod judge;
pub mod keys;
pub mod lag;
pub mod leftovers;
pub mod load;
pub mod mail;
pub mod measures;
pub mod members;
pub mod migrate;
pub mod org;
pub mod outbox;
pub mod rebuild;
pub mod retention;
pub mod rewrite;
pub mod serve;
pub mod settings;
pub mod shutdown;
pub mod signed;
pub mod traces;
pub mod uploads;
pub mod waiting;
pub mod webhooks;
pub mod whole;

pub use app::App;
pub use catalogue::Catalogue;
pub use settings::Settings;
