//! Signed events: what a signature covers, whether it holds, and how signed events chain up.
//!
//! A client that registered an Ed25519 public key signs each event together with the signature before it. What is
//! signed is a text of ten lines ([`Claim::message`]), in which the payload stands as the hash of its canonical form
//! ([`Canonical`]). A signature that does not hold is a verdict ([`SigCheck`]), never a refusal; missing and forked
//! links are told apart from it ([`Chain`]).

mod canonical;
mod chain;
pub(crate) mod message;
mod reader;
#[cfg(test)]
mod tests;
mod verify;

pub use canonical::{Canonical, Spelling};
pub use chain::{Broken, Chain, ChainReport, Link, Reason};
pub use message::Claim;
pub use verify::{PublicKey, SigCheck};
