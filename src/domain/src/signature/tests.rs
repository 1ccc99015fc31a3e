//! The vectors of the contract (real-clients §2.4), and what changes a verdict.

use serde_json::{Value, json};

use super::*;
use crate::{
    Event,
    testing::{Signer, parse},
};

mod canonical;
mod chain;
mod random;

const SEED: &str = "0102030405060708091011121314151617181920212223242526272829303132";
const PUBLIC: &str = "hODy2kSvK+MIedYsG8mcMUe73GGNDQvyzytAq8NNPiU=";
const SIG_1: &str = "39375331ee604f6dd11cd975b0a00ccb2894feebb8b82dcc98316e1b88997d60934c33322c4481d3b593a8c4667460cd93db0660514424288e3b3caa257fe90f";
const HASH_1: &str = "b014fca3532b8642cbdf4259a0a33b7f24e477d6cc2cc57bd05f7ea7ec867dc1";
const SIG_2_J: &str = "1c3384ca69aa54e332e3f2fed952cdc4564594f66b592d3a4d2ce4d55a36cf16207ae27cc8a99f5bff655455912b5dafef3ac0a48df47ded3e1a0fd8899d5205";
const SIG_2_G: &str = "70f7555b4a3e38773703edee1d98c9005166d6726af24a386473f99d7677a1c164b51344678aee46ee7b7b11f85ad85907ab7f6f3045c78f511e8d4f6a9f3205";
const GO: Spelling = Spelling::G { replaced: false, long: false };

pub(super) fn signer() -> Signer {
    let byte = |at: usize| u8::from_str_radix(&SEED[2 * at..2 * at + 2], 16).unwrap();
    Signer::new(std::array::from_fn(byte))
}

fn first() -> Value {
    json!({
        "id": "01234567-89ab-cdef-0123-456789abcdef", "sessionId": "sess-abc", "ts": "2026-01-01T00:00:00.000Z",
        "kind": "command", "source": "terminal", "v": 1,
        "data": { "exitCode": 0, "command": "ls -la", "durationMs": 42 }, "sig": SIG_1,
    })
}

fn second(sig: &str) -> Value {
    json!({
        "id": "11111111-2222-4333-8444-555555555555", "sessionId": "sess-abc", "ts": "2026-01-01T00:00:01.5Z",
        "kind": "command", "source": "claude-code", "v": 1,
        "data": {
            "command": "a && b > \u{2028} \"é\"", "exitCode": 1, "ratio": 0.000_001_5, "big": 1e21,
            "nested": { "z": null, "a": [true, 2.5] },
        },
        "prevSig": SIG_1, "sig": sig,
    })
}

fn check_with(event: &Value, keys: &[&str]) -> Option<SigCheck> {
    let keys: Vec<_> = keys.iter().map(|key| PublicKey::of_base64(key)).collect();
    SigCheck::of(&parse(event), &keys)
}

fn holds(event: &Value) -> Option<bool> {
    check_with(event, &[PUBLIC])?.holds
}

fn data_hash(event: &Value, spelling: Spelling) -> String {
    let event: Event = parse(event);
    message::sha256_hex(Canonical::read(event.data()).unwrap().spelled(spelling).as_bytes())
}

#[test]
fn the_vectors_of_the_contract_hold_to_the_letter() {
    assert_eq!(signer().public_key(), PUBLIC);
    assert_eq!(data_hash(&first(), Spelling::J), "754338c13ebc454648b60cc340edc9221e95c6e30e5feba10aa5a7b8506d24a5");
    assert_eq!(data_hash(&second(""), Spelling::J), "9005621d2ae360a94f384d9433f3483969caab4fa6aadc4a13ee7282ba987bcf");
    assert_eq!(data_hash(&second(""), GO), "28eccb276092bfca3b11c448a35ab3fec24bd9043ec9c3fc664675100827e4af");
    let found = check_with(&first(), &[PUBLIC]).unwrap();
    assert_eq!(found, SigCheck { holds: Some(true), spelling: Spelling::J, event_hash: HASH_1.to_owned() });
    for (sig, spelling) in [(SIG_2_J, Spelling::J), (SIG_2_G, GO)] {
        let found = check_with(&second(sig), &[PUBLIC]).unwrap();
        assert_eq!((found.holds, found.spelling), (Some(true), spelling));
    }
}

#[test]
fn signing_again_gives_the_signatures_of_the_contract() {
    let mut signer = signer();
    for (event, sig, spelling) in [(first(), SIG_1, Spelling::J), (second(""), SIG_2_G, GO)] {
        let mut again = event.clone();
        let data = Canonical::read(&event["data"].to_string()).unwrap().spelled(spelling);
        signer.chain(&mut again, &data);
        assert_eq!(again["sig"], sig);
        assert_eq!(again.get("prevSig"), event.get("prevSig"));
    }
}

#[test]
fn whatever_is_covered_must_be_what_was_signed() {
    let changes = [
        ("id", json!("01234567-89AB-cdef-0123-456789abcdef")),
        ("sessionId", json!("sess-abd")),
        ("ts", json!("2026-01-01T00:00:00Z")),
        ("kind", json!("Command")),
        ("source", json!("cli")),
        ("source", json!({ "channel": "terminal", "integration": "x" })),
        ("data", json!({ "exitCode": 1, "command": "ls -la", "durationMs": 42 })),
        ("data", json!({ "exitCode": 0, "command": "ls -la", "durationMs": 42, "x": null })),
        ("prevSig", json!(SIG_1)),
        ("prevSig", json!("ab")),
        ("prevSig", json!(7)),
        ("sig", json!(SIG_2_J)),
        ("sig", json!(SIG_1[..126])),
        ("sig", json!(SIG_1.replace('9', "g"))),
        ("sig", json!(7)),
    ];
    for (name, value) in changes {
        let mut event = first();
        event[name] = value.clone();
        assert_eq!(holds(&event), Some(false), "{name} {value}");
        assert_eq!(check_with(&event, &[]).unwrap().holds, None, "{name} {value} without a key");
    }
    let mut cut = second(SIG_2_J);
    cut.as_object_mut().unwrap().remove("prevSig");
    assert_eq!(holds(&cut), Some(false));
}

#[test]
fn what_is_not_covered_does_not_matter() {
    let changes = [
        ("actor", json!({ "type": "human" })),
        ("provenance", json!({ "attribution": "likely_human", "methods": ["x"] })),
        ("rawPayload", json!("anything")),
        ("relatedEventIds", json!(["01234567-89ab-cdef-0123-456789abcdef"])),
        ("v", json!(1.0)),
        ("prevSig", json!("")),
        ("prevSig", json!(null)),
        ("sig", json!(SIG_1.to_uppercase())),
        ("source", json!({ "channel": "hook", "integration": "terminal", "emitter": "x" })),
        ("source", json!({ "channel": "hook", "emitter": "terminal" })),
        ("source", json!({ "channel": "terminal", "integration": "" })),
        ("data", json!({ "durationMs": 42.0, "exitCode": -0.0, "command": "ls -la" })),
    ];
    for (name, value) in changes {
        let mut event = first();
        event[name] = value.clone();
        assert_eq!(holds(&event), Some(true), "{name} {value}");
    }
}

#[test]
fn unsigned_events_have_no_verdict() {
    for sig in [json!(null), json!("")] {
        let mut event = first();
        event["sig"] = sig;
        assert_eq!(check_with(&event, &[PUBLIC]), None);
    }
}

#[test]
fn any_key_that_was_registered_counts() {
    let other = Signer::new([7; 32]).public_key();
    // 32 bytes that are no point of the curve.
    let no_key = "AgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    for keys in [[PUBLIC, &other], [&other, PUBLIC], [PUBLIC, no_key]] {
        assert_eq!(check_with(&first(), &keys).unwrap().holds, Some(true));
    }
    for keys in [[other.as_str()], [no_key], ["not base64"]] {
        assert_eq!(check_with(&first(), &keys).unwrap().holds, Some(false));
    }
    let mut event = parse(&first());
    event.check_signature(&[]);
    assert_eq!(event.sig_verified, None);
    event.check_signature(&[PublicKey::of_base64(PUBLIC)]);
    assert_eq!(event.sig_verified, Some(true));
}
