//! Whether a signature holds: by any key that was registered, in any spelling that is in the field.

use base64::engine::{DecodePaddingMode, Engine, GeneralPurpose, GeneralPurposeConfig};
use ed25519_dalek::{Signature, VerifyingKey};

use super::message::sha256_hex;
use super::{Canonical, Claim, Spelling};
use crate::Event;

/// A public key as a client registered it. Some 32 bytes are no key; nothing verifies with such a one.
#[derive(Debug, Clone)]
pub struct PublicKey(Option<VerifyingKey>);

/// Go's standard encoding does not mind the bits behind the last byte.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
);

impl PublicKey {
    /// Reads the standard base64 of the 32 bytes.
    #[must_use]
    pub fn of_base64(text: &str) -> Self {
        let mut bytes = [0; 33];
        let read = BASE64.decode_slice(text, &mut bytes).ok();
        let bytes = read.and_then(|length| <&[u8; 32]>::try_from(bytes.get(..length)?).ok());
        Self(bytes.and_then(|bytes| VerifyingKey::from_bytes(bytes).ok()))
    }

    fn verifies(&self, message: &str, signature: &Signature) -> bool {
        self.0.is_some_and(|key| key.verify_strict(message.as_bytes(), signature).is_ok())
    }
}

/// What was found of the signature of one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigCheck {
    /// Whether it holds; `None` where no key is registered.
    pub holds: Option<bool>,
    /// The spelling in which it holds, else the first.
    pub spelling: Spelling,
    /// The hash of what was signed in that spelling, in hexadecimal digits.
    pub event_hash: String,
}

impl SigCheck {
    /// Checks the signature of an event against the keys of its session, newest last; `None` when it has none. The
    /// event's own `prevSig` is taken as it is: posts overtake each other, so whether it is the right one is a matter of the
    /// whole [chain](super::Chain).
    #[must_use]
    pub fn of(event: &Event, keys: &[PublicKey]) -> Option<Self> {
        let claim = Claim::of(event)?;
        let Some(data) = Canonical::read(event.data()) else {
            // Deeper than anything that is let in.
            let holds = (!keys.is_empty()).then_some(false);
            return Some(Self { holds, spelling: Spelling::J, event_hash: String::new() });
        };
        if let Some(signature) = signature_of(&claim) {
            for spelling in data.spellings() {
                let message = claim.message(&data, spelling);
                if keys.iter().rev().any(|key| key.verifies(&message, &signature)) {
                    let event_hash = sha256_hex(message.as_bytes());
                    return Some(Self { holds: Some(true), spelling, event_hash });
                }
            }
        }
        let event_hash = sha256_hex(claim.message(&data, Spelling::J).as_bytes());
        Some(Self { holds: (!keys.is_empty()).then_some(false), spelling: Spelling::J, event_hash })
    }

    /// The hash of what was signed, as [`SigCheck::of`] finds it. Checks the signature only where spellings differ.
    #[must_use]
    pub fn event_hash(event: &Event, keys: &[PublicKey]) -> Option<String> {
        let data = Canonical::read(event.data())?;
        if data.spellings().len() > 1 {
            return Self::of(event, keys).map(|check| check.event_hash);
        }
        Some(sha256_hex(Claim::of(event)?.message(&data, Spelling::J).as_bytes()))
    }
}

impl Event {
    /// Checks the signature against the keys of the session, newest last, and notes the verdict with the event.
    pub fn check_signature(&mut self, keys: &[PublicKey]) {
        self.sig_verified = if keys.is_empty() { None } else { SigCheck::of(self, keys).and_then(|check| check.holds) };
    }
}

/// The signature, if it and the one before it are well-formed.
fn signature_of(claim: &Claim) -> Option<Signature> {
    let prev_sig = claim.prev_sig.as_deref()?;
    if !prev_sig.is_empty() {
        bytes_of(prev_sig)?;
    }
    Some(Signature::from_bytes(&bytes_of(&claim.sig)?))
}

/// The 64 bytes of 128 hexadecimal digits.
fn bytes_of(hex: &str) -> Option<[u8; 64]> {
    let digits: Vec<u8> = hex.chars().map(|digit| u8::try_from(digit.to_digit(16)?).ok()).collect::<Option<_>>()?;
    let (pairs, []) = digits.as_chunks::<2>() else { return None };
    let bytes: Vec<u8> = pairs.iter().map(|[high, low]| high << 4 | low).collect();
    bytes.try_into().ok()
}
