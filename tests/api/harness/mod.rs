//! What the tests are written with.

mod app;
mod blocks;
mod browser;
mod candidate;
mod described;
mod event;
mod lost;
mod org;
mod provider;
mod raw;
mod routes;
mod server;
mod shown;
mod socket;
mod sse;
mod stored;
mod user;
mod wait;
mod writes;

pub use app::{Node, TestApp};
pub use blocks::files_with;
pub use browser::Browser;
pub use candidate::Candidate;
pub use described::{described, faults, request_faults};
pub use event::{event, event_at};
pub use org::org_create;
pub use provider::{Piece, Provider};
pub use raw::{RawRequest, raw};
pub use routes::{MODEL_METHODS, MODEL_ROUTES, N_IDS, ROUTES, Who, path};
pub use server::{PROGRAM, program, serve_help};
pub use shown::{shown, stable, wrong_fields};
pub use socket::Socket;
pub use sse::Sse;
pub use user::{Reply, User};
pub use wait::{PATIENCE, eventually};
pub use writes::{Need, Type, Write, gzip, put_bundle, writes};
