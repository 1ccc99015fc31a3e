//! The signature of each event over itself and the one before it, with a key that never leaves this machine.

use crate::workspace::private;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::signature::{Canonical, Spelling};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::Path;
use uuid::Uuid;

/// The key of a session.
#[derive(Debug)]
pub(crate) struct Key(SigningKey);

/// What is signed of an event, as it stands in its text.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Signable<'a> {
    /// Its id.
    pub(crate) id: Uuid,
    /// The session that it belongs to.
    #[serde(borrow)]
    pub(crate) session_id: Cow<'a, str>,
    #[serde(borrow)]
    ts: Cow<'a, str>,
    /// Its kind.
    #[serde(borrow)]
    pub(crate) kind: Cow<'a, str>,
    #[serde(borrow)]
    source: &'a RawValue,
    v: u64,
    #[serde(borrow)]
    data: &'a RawValue,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Source {
    Name(String),
    Parts { integration: Option<String>, emitter: Option<String>, channel: Option<String> },
}

impl Key {
    /// A new key.
    pub(crate) fn random() -> Self {
        Self(SigningKey::from_bytes(&rand::random()))
    }

    /// Keeps the key in a file that only its owner can read.
    pub(crate) fn keep(&self, path: &Path) -> io::Result<()> {
        let mut file = private().write(true).create(true).truncate(true).open(path)?;
        file.write_all(STANDARD.encode(self.0.to_bytes()).as_bytes())?;
        file.sync_all()
    }

    /// Reads a key that was kept.
    pub(crate) fn kept(path: &Path) -> io::Result<Self> {
        let bytes = STANDARD.decode(std::fs::read_to_string(path)?.trim()).map_err(io::Error::other)?;
        let seed: [u8; 32] = bytes.try_into().map_err(|_| io::Error::other("a key has 32 bytes"))?;
        Ok(Self(SigningKey::from_bytes(&seed)))
    }

    /// The public half, in base64.
    pub(crate) fn public(&self) -> String {
        STANDARD.encode(self.0.verifying_key().as_bytes())
    }

    /// Signs an event as the next after `prev_sig`; the whole text and the signature.
    ///
    /// The same event after the same one always gives the same bytes, so that sending again is harmless.
    pub(crate) fn sign(&self, event: &str, prev_sig: &str) -> Option<(String, String)> {
        let message = message(&serde_json::from_str(event).ok()?, prev_sig)?;
        let sig = hex(&self.0.sign(message.as_bytes()).to_bytes());
        let body = event.trim_end().strip_suffix('}')?;
        Some((format!(r#"{body},"prevSig":"{prev_sig}","sig":"{sig}"}}"#), sig))
    }
}

/// Whether a signature over an event and the signature before it is one of this key.
pub(crate) fn holds(public: &str, event: &str, prev_sig: &str, sig: &str) -> bool {
    let check = || {
        let key: [u8; 32] = STANDARD.decode(public).ok()?.try_into().ok()?;
        let key = VerifyingKey::from_bytes(&key).ok()?;
        let signature = Signature::from_bytes(&unhex(sig)?.try_into().ok()?);
        let message = message(&serde_json::from_str(event).ok()?, prev_sig)?;
        key.verify_strict(message.as_bytes(), &signature).ok()
    };
    check().is_some()
}

fn message(event: &Signable<'_>, prev_sig: &str) -> Option<String> {
    let Signable { id, session_id, ts, kind, v, .. } = event;
    let source = match serde_json::from_str(event.source.get()).ok()? {
        Source::Name(name) => name,
        Source::Parts { integration, emitter, channel } => {
            [integration, emitter, channel].into_iter().flatten().find(|word| !word.is_empty()).unwrap_or_default()
        }
    };
    let data = hex(&Sha256::digest(Canonical::read(event.data.get())?.spelled(Spelling::J)));
    Some(format!("PST-EVT-V1\n{id}\n{session_id}\n{ts}\n{kind}\n{source}\n{v}\n{data}\n{prev_sig}\n"))
}

/// Bytes in lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let pair = |at: usize| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
    (0..text.len()).step_by(2).map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::{Key, holds, unhex};
    use ed25519_dalek::SigningKey;

    const FIRST: &str = r#"{"id":"01234567-89ab-cdef-0123-456789abcdef","sessionId":"sess-abc","ts":"2026-01-01T00:00:00.000Z","kind":"command","source":"terminal","v":1,"data":{"exitCode":0,"command":"ls -la","durationMs":42}}"#;
    const SIG_1: &str = "39375331ee604f6dd11cd975b0a00ccb2894feebb8b82dcc98316e1b88997d60934c33322c4481d3b593a8c4667460cd93db0660514424288e3b3caa257fe90f";
    const SECOND: &str = r#"{"id":"11111111-2222-4333-8444-555555555555","sessionId":"sess-abc","ts":"2026-01-01T00:00:01.5Z","kind":"command","source":"claude-code","v":1,"data":{"big":1e+21,"command":"a \u0026\u0026 b \u003e \u2028 \"é\"","exitCode":1,"nested":{"a":[true,2.5],"z":null},"ratio":0.0000015}}"#;
    const SIG_2: &str = "1c3384ca69aa54e332e3f2fed952cdc4564594f66b592d3a4d2ce4d55a36cf16207ae27cc8a99f5bff655455912b5dafef3ac0a48df47ded3e1a0fd8899d5205";

    fn key() -> Key {
        let seed = unhex("0102030405060708091011121314151617181920212223242526272829303132").unwrap();
        Key(SigningKey::from_bytes(&seed.try_into().unwrap()))
    }

    #[test]
    fn the_vectors_of_the_contract_come_out() {
        assert_eq!(key().public(), "hODy2kSvK+MIedYsG8mcMUe73GGNDQvyzytAq8NNPiU=");
        let (text, sig) = key().sign(FIRST, "").unwrap();
        assert_eq!(sig, SIG_1);
        assert!(text.ends_with(&format!(r#""durationMs":42}},"prevSig":"","sig":"{SIG_1}"}}"#)), "{text}");
        assert_eq!(key().sign(SECOND, SIG_1).unwrap().1, SIG_2);
    }

    #[test]
    fn a_signature_holds_for_its_event_and_place_only() {
        let public = key().public();
        assert!(holds(&public, SECOND, SIG_1, SIG_2));
        assert!(!holds(&public, SECOND, "", SIG_2));
        assert!(!holds(&public, FIRST, SIG_1, SIG_2));
        assert!(!holds(&Key::random().public(), SECOND, SIG_1, SIG_2));
        assert!(["", "zz", "é", &SIG_2[..126]].iter().all(|sig| !holds(&public, SECOND, SIG_1, sig)));
    }

    #[test]
    fn a_key_that_was_kept_is_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("signing.key");
        let key = Key::random();
        key.keep(&path).unwrap();
        assert_eq!(Key::kept(&path).unwrap().public(), key.public());
        std::fs::write(&path, "short").unwrap();
        assert!(Key::kept(&path).is_err());
    }
}
