//! Events for tests, also of other crates (feature `testing`): made by hand, or random but like those of real clients,
//! so that every store can be held to [`Totals::fold`](crate::Totals::fold) on the same sets.

use bytes::Bytes;
use proptest::{collection::SizeRange, option, prelude::*, sample::select};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{Event, Limits, Timestamp};

mod signing;

pub use signing::Signer;

/// The session of [`arb_events`]; set `sessionId` of each to have another.
pub const SESSION: &str = "session-1";

/// The earliest time of [`arb_events`]: 2026-04-01T10:00:00Z. They span 40 minutes, wider than any window.
pub const START_MILLIS: i64 = 1_775_037_600_000;

/// An envelope with a fresh id, without actor and provenance.
#[must_use]
pub fn envelope(session_id: &str, kind: &str, ts_millis: i64, data: Value) -> Value {
    json!({
        "id": Uuid::new_v4(),
        "sessionId": session_id,
        "ts": Timestamp::from_millis(ts_millis),
        "kind": kind,
        "source": { "channel": "api", "integration": "test", "emitter": "test" },
        "v": 1,
        "data": data,
    })
}

/// The event of an envelope.
///
/// # Panics
/// Where the envelope is none, with what is wrong.
#[must_use]
pub fn parse(value: &Value) -> Event {
    let limits = Limits { now: Timestamp::from_millis(i64::MAX), strict_kinds: false };
    match Event::parse(Bytes::from(value.to_string()), &limits) {
        Ok(event) => event,
        Err(error) => panic!("{error:?} in {value}"),
    }
}

/// Envelopes of one session: all kinds, few files, equal times, tests that pass, fail and say nothing. Without
/// duplicates, in no order.
pub fn arb_events(n: impl Into<SizeRange>) -> impl Strategy<Value = Vec<Value>> {
    prop::collection::vec(arb_event(), n)
}

/// One envelope of [`arb_events`].
pub fn arb_event() -> impl Strategy<Value = Value> {
    let head = (any::<u128>(), arb_ts(), arb_kind_and_data(), arb_source());
    (head, option::of(arb_author()), option::of(arb_provenance())).prop_map(
        |((id, ts_millis, (kind, data), source), author, provenance)| {
            let mut event = envelope(SESSION, kind, ts_millis, data);
            let id = Some(json!(Uuid::from_u128(id)));
            for (name, value) in [("id", id), ("source", Some(source)), ("actor", author), ("provenance", provenance)] {
                put(&mut event, name, value);
            }
            event
        },
    )
}

fn arb_ts() -> impl Strategy<Value = i64> {
    let tied = (0..6i64).prop_map(|second| second * 1000);
    let anywhere = 0..40 * 60 * 1000i64;
    prop_oneof![tied, anywhere].prop_map(|offset| START_MILLIS + offset)
}

#[rustfmt::skip]
fn arb_kind_and_data() -> impl Strategy<Value = (&'static str, Value)> {
    prop_oneof![
        4 => arb_command().prop_map(|data| ("command", data)),
        4 => (select(vec!["file_diff", "file_create", "file_delete"]), arb_change()),
        2 => arb_test_run().prop_map(|data| ("test_run", data)),
        2 => "[a-zA-Z ä😀\"\\\\]{0,20}".prop_map(|text| ("prompt", json!({ "text": text }))),
        1 => (1..=5).prop_map(|score| ("decision_event", json!({ "title": "why", "impactScore": score }))),
        1 => select(vec!["/home/dev/app", "/tmp", ""]).prop_map(|cwd| ("session_start", json!({ "cwd": cwd }))),
        3 => select(vec![
            "ai_response", "build_run", "session_end", "tool_use", "tool_call", "planning", "checkpoint", "mcp_call",
            "editor_focus", "windowUsage",
        ]).prop_map(|kind| (kind, json!({ "note": [1, { "deep": null }] }))),
    ]
}

fn arb_command() -> impl Strategy<Value = Value> {
    let commands = select(vec![
        "ls -la",
        "npm test",
        "cd app && cargo test",
        "pytest -x | tail",
        "npm run build",
        "cargo clippy",
        "git commit -m 'run tests'",
        "echo pytest",
        "",
    ]);
    (commands, arb_optional(select(vec![0, 0, 0, 1, 2, 137, -1]))).prop_map(|(command, exit_code)| {
        let mut data = json!({ "command": command, "stdout": "", "durationMs": 12.5 });
        put(&mut data, "exitCode", exit_code);
        data
    })
}

fn arb_change() -> impl Strategy<Value = Value> {
    let paths = select(vec!["", "a.rs", "src/a.rs", "src/ä b.rs", "b.rs", "A.rs"]);
    (paths, arb_optional(0..40), arb_optional(0..40)).prop_map(|(path, added, removed)| {
        let mut data = json!({ "path": path });
        put(&mut data, "linesAdded", added);
        put(&mut data, "linesRemoved", removed);
        data
    })
}

fn arb_test_run() -> impl Strategy<Value = Value> {
    (arb_optional(0..4), arb_optional(0..2)).prop_map(|(passed, failed)| {
        let mut data = json!({ "suite": "unit" });
        put(&mut data, "passed", passed);
        put(&mut data, "failed", failed);
        data
    })
}

/// A number, `null`, or nothing at all.
fn arb_optional(number: impl Strategy<Value = i32>) -> impl Strategy<Value = Option<Value>> {
    prop_oneof![6 => number.prop_map(|number| Some(json!(number))), 1 => Just(Some(Value::Null)), 1 => Just(None)]
}

fn put(object: &mut Value, name: &str, value: Option<Value>) {
    if let (Some(object), Some(value)) = (object.as_object_mut(), value) {
        object.insert(name.to_owned(), value);
    }
}

fn arb_source() -> impl Strategy<Value = Value> {
    select(vec![
        json!("claude-code"),
        json!("terminal"),
        json!("cli"),
        json!({ "channel": "ide-extension", "integration": "vscode", "emitter": "promptster-vscode" }),
        json!({ "channel": "api", "integration": "own" }),
        json!({}),
    ])
}

fn arb_author() -> impl Strategy<Value = Value> {
    select(vec!["ai", "human", "system", "somebody"]).prop_map(|author| json!({ "type": author, "role": "any" }))
}

fn arb_provenance() -> impl Strategy<Value = Value> {
    let attributions = select(vec![
        "likely_ai",
        "ai_revised_by_human",
        "likely_human",
        "mixed",
        "system_generated",
        "unknown",
        "new_word",
    ]);
    (attributions, select(vec![0.0, 0.6, 1.0])).prop_map(
        |(attribution, confidence)| json!({ "attribution": attribution, "confidence": confidence, "methods": ["hook"] }),
    )
}
