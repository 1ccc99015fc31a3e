//! ClickHouse's own HTTP interface over libchdb, for development, tests and small installations.
//!
//! One process holds one data directory and one engine. A request goes through the modules in this order: `server`
//! receives it, `request` decodes it (`multipart` and `native` undo the framing, `statement` looks at the SQL), `engine`
//! runs it on a fresh connection of `ffi`, and `server` answers with the rows or with an `error::Exception`.
//!
//! What is absent on purpose: sessions (every request stands alone), access control beyond one user, compression of
//! replies unless `compress=1` asks for it, and `unsafe` outside `ffi`.
//!
//! Two differences from a server to know about: a reply is complete before its first byte is sent, so a long one takes
//! memory and an error is never in the middle of rows; and the engine runs several statements in one request, which a
//! server refuses.

pub mod config;
pub mod data_dir;
pub mod engine;
pub mod error;
pub mod ffi;
pub mod library_path;
pub mod multipart;
pub mod native;
pub mod request;
pub mod server;
pub mod statement;
pub mod supervision;
