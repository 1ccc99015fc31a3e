//! Signing, which only clients do.

use base64::engine::{Engine, general_purpose::STANDARD};
use ed25519_dalek::{Signer as _, SigningKey};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// A client's key, and the chain that it signed so far.
#[derive(Debug, Clone)]
pub struct Signer {
    key: SigningKey,
    /// The last signature; empty at the beginning.
    pub last: String,
}

impl Signer {
    /// The key of a seed.
    #[must_use]
    pub fn new(seed: [u8; 32]) -> Self {
        Self { key: SigningKey::from_bytes(&seed), last: String::new() }
    }

    /// The base64 of the public key.
    ///
    /// # Panics
    /// Never.
    #[must_use]
    pub fn public_key(&self) -> String {
        let mut base64 = [0; 44];
        let length = STANDARD.encode_slice(self.key.verifying_key().as_bytes(), &mut base64);
        assert_eq!(length, Ok(44), "32 bytes are 44 symbols");
        String::from_utf8_lossy(&base64).into_owned()
    }

    /// The signature of a text, in hexadecimal digits.
    #[must_use]
    pub fn sign(&self, text: &str) -> String {
        hex(&self.key.sign(text.as_bytes()).to_bytes())
    }

    /// Signs an envelope whose `source` is a string, as the next of the chain. `data` is the canonical text of its
    /// payload, in whatever spelling.
    pub fn chain(&mut self, envelope: &mut Value, data: &str) {
        let word = |name: &str| envelope.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let [id, session, ts, kind, source] = ["id", "sessionId", "ts", "kind", "source"].map(word);
        let (hash, prev_sig) = (hex(&Sha256::digest(data)), std::mem::take(&mut self.last));
        self.last = self.sign(&format!("PST-EVT-V1\n{id}\n{session}\n{ts}\n{kind}\n{source}\n1\n{hash}\n{prev_sig}\n"));
        if let Some(members) = envelope.as_object_mut() {
            members.insert("sig".to_owned(), json!(self.last));
            if !prev_sig.is_empty() {
                members.insert("prevSig".to_owned(), json!(prev_sig));
            }
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
