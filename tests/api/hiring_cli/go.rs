//! The bytes of the client: Go's `json.Marshal`, its times, and the text that it signs.

use std::fmt::Write;

use ring::rand::SystemRandom;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// How strings are spelled in what is signed: as `JSON.stringify` or as Go does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spelling {
    J,
    G,
}

/// JSON as Go writes a map: members in order of their names, `<`, `>`, `&` and the line separators escaped.
pub fn marshal(value: &Value) -> String {
    canonical(value, Spelling::G)
}

/// What of the data is signed.
pub fn canonical(value: &Value, spelling: Spelling) -> String {
    let list = |items: Vec<String>| items.join(",");
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(text) => string(text, spelling),
        Value::Array(items) => format!("[{}]", list(items.iter().map(|item| canonical(item, spelling)).collect())),
        Value::Object(members) => {
            let mut sorted: Vec<_> = members.iter().collect();
            sorted.sort_by_key(|(name, _)| name.as_str());
            let member =
                |(name, value): (&String, &Value)| format!("{}:{}", string(name, spelling), canonical(value, spelling));
            format!("{{{}}}", list(sorted.into_iter().map(member).collect()))
        }
    }
}

/// JSON as Go writes a struct: members in the order of its fields.
pub fn marshal_struct(fields: &Map<String, Value>) -> String {
    let member = |(name, value): (&String, &Value)| match value {
        Value::Object(inner) if name == "actor" || name == "provenance" => {
            format!("{}:{}", string(name, Spelling::G), marshal_struct(inner))
        }
        value => format!("{}:{}", string(name, Spelling::G), marshal(value)),
    };
    format!("{{{}}}", fields.iter().map(member).collect::<Vec<_>>().join(","))
}

fn string(text: &str, spelling: Spelling) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\u{8}' => quoted.push_str("\\b"),
            '\u{c}' => quoted.push_str("\\f"),
            // A byte that was cut out of a character is U+FFFD to everybody but to Go.
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\u{fffd}' if spelling == Spelling::G => {
                escape(character, &mut quoted)
            }
            ..='\u{1f}' => escape(character, &mut quoted),
            _ => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}

fn escape(character: char, quoted: &mut String) {
    write!(quoted, "\\u{:04x}", u32::from(character)).unwrap();
}

/// `2026-04-01T10:00:00` and nanoseconds as `time.RFC3339Nano`: no trailing zeros, no point without digits.
pub fn rfc3339_nano(seconds: &str, nanos: u32) -> String {
    let digits = format!("{nanos:09}");
    match digits.trim_end_matches('0') {
        "" => format!("{seconds}Z"),
        digits => format!("{seconds}.{digits}Z"),
    }
}

/// A pair of keys, made for one redeem.
pub struct Keys(Ed25519KeyPair);

impl Keys {
    pub fn fresh() -> Self {
        let pair = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Self(Ed25519KeyPair::from_pkcs8(pair.as_ref()).unwrap())
    }

    /// Standard base64, padded, of the 32 bytes.
    pub fn public(&self) -> String {
        const SYMBOLS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut base64 = String::new();
        for chunk in self.0.public_key().as_ref().chunks(3) {
            let byte = |nth: usize| u32::from(chunk.get(nth).copied().unwrap_or(0));
            let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
            for nth in 0..4 {
                let symbol = SYMBOLS[usize::try_from(bits >> (18 - 6 * nth) & 63).unwrap()];
                base64.push(if nth > u32::try_from(chunk.len()).unwrap() { '=' } else { char::from(symbol) });
            }
        }
        base64
    }

    pub fn sign(&self, message: &str) -> String {
        hex(self.0.sign(message.as_bytes()).as_ref())
    }

    pub fn verifies(&self, message: &str, sig: &str) -> bool {
        let digit = |nth: usize| u8::from_str_radix(sig.get(nth..nth + 2).unwrap_or("-"), 16);
        let bytes: Result<Vec<_>, _> = (0..sig.len()).step_by(2).map(digit).collect();
        let key = UnparsedPublicKey::new(&ED25519, self.0.public_key().as_ref());
        bytes.is_ok_and(|bytes| key.verify(message.as_bytes(), &bytes).is_ok())
    }
}

/// The signed text of an event: ten fields, the last of them empty.
pub fn message(event: &Value, prev_sig: &str, spelling: Spelling) -> String {
    let data = hex(Sha256::digest(canonical(&event["data"], spelling)).as_slice());
    let [id, session, ts, kind, source] =
        ["id", "sessionId", "ts", "kind", "source"].map(|name| event[name].as_str().unwrap());
    let v = &event["v"];
    ["PST-EVT-V1", id, session, ts, kind, source, &v.to_string(), &data, prev_sig, ""].join("\n")
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
