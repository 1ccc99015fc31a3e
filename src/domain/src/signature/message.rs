//! The text that a signature covers. Of an event it takes the literal words that were received, never the normalised
//! ones.

use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::Spelling;
use super::canonical::Canonical;
use crate::{
    Event,
    json::{Members, is_text, text},
};

/// What a signed event says of itself, to the letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Its id.
    pub id: String,
    /// Its session.
    pub session_id: String,
    /// Its time.
    pub ts: String,
    /// What happened.
    pub kind: String,
    /// Where it came from: the string; of an object its `integration`, else its `emitter`, else its `channel`.
    pub source: String,
    /// Its signature; empty where it is no string.
    pub sig: String,
    /// The signature before it, empty without one; `None` where it is no string.
    pub prev_sig: Option<String>,
}

const COVERED: [&str; 7] = ["id", "sessionId", "ts", "kind", "source", "sig", "prevSig"];

impl Claim {
    /// The claim of an event; `None` when it is not signed.
    #[must_use]
    pub fn of(event: &Event) -> Option<Self> {
        if !event.signed {
            return None;
        }
        let envelope: &RawValue = serde_json::from_slice(event.raw()).ok()?;
        let envelope = Members::of(envelope, &COVERED)?;
        let word = |name| envelope.get(name).and_then(text).unwrap_or_default();
        Some(Self {
            id: word("id"),
            session_id: word("sessionId"),
            ts: word("ts"),
            kind: word("kind"),
            source: envelope.get("source").map(source_text).unwrap_or_default(),
            sig: word("sig"),
            prev_sig: envelope.get("prevSig").map_or_else(|| Some(String::new()), text),
        })
    }

    /// What is signed, with the payload in this spelling: ten lines, of which the last is empty. The version is 1 in
    /// every event that was accepted.
    #[must_use]
    pub fn message(&self, data: &Canonical, spelling: Spelling) -> String {
        let Self { id, session_id, ts, kind, source, .. } = self;
        let prev_sig = self.prev_sig.as_deref().unwrap_or_default();
        let data_hash = sha256_hex(data.spelled(spelling).as_bytes());
        format!("PST-EVT-V1\n{id}\n{session_id}\n{ts}\n{kind}\n{source}\n1\n{data_hash}\n{prev_sig}\n")
    }
}

fn source_text(source: &RawValue) -> String {
    if is_text(source) {
        return text(source).unwrap_or_default();
    }
    let names = ["integration", "emitter", "channel"];
    let Some(source) = Members::of(source, &names) else { return String::new() };
    let word = |name| source.get(name).and_then(text).filter(|word| !word.is_empty());
    names.into_iter().find_map(word).unwrap_or_default()
}

/// SHA-256 in lower-case hexadecimal digits.
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or_default();
    Sha256::digest(bytes).iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}
