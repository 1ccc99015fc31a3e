//! What an event costs before it reaches a store: reading it, and what it adds to the signals.
//!
//! `cargo bench -p domain`; docs/performance.md has a run of it.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a benchmark has nobody to tell")]

use std::hint::black_box;

use bytes::Bytes;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use domain::{
    Contribution, Event, Limits, Timestamp, Totals,
    frame::Frame,
    signals::{Signals, Span},
};
use serde_json::{Value, json};
use uuid::Uuid;

/// 2026-04-01T10:00:00Z.
const START_MILLIS: i64 = 1_775_037_600_000;

/// An hour later.
fn limits() -> Limits {
    Limits { now: Timestamp::from_millis(START_MILLIS + 3_600_000), strict_kinds: false }
}

fn envelope(n: u64, kind: &str, data: &Value) -> Value {
    json!({
        "id": Uuid::from_u128(u128::from(n)),
        "sessionId": "session-1",
        "ts": Timestamp::from_millis(START_MILLIS + i64::try_from(n).unwrap() * 1000),
        "kind": kind,
        "source": { "channel": "hook", "integration": "claude-code", "emitter": "promptster" },
        "actor": { "type": "ai", "model": "a-model" },
        "v": 1,
        "data": data,
    })
}

/// A line of source as a diff has it, some 60 bytes with a quote and a letter of two bytes.
const LINE: &str = "+        let größe = text.split(\"\\n\").map(str::len).max();\n";

fn command(n: u64) -> Value {
    envelope(n, "command", &json!({ "command": "cargo test --workspace", "exitCode": n % 3, "durationMs": 1200 }))
}

fn diff(n: u64, n_lines: usize) -> Value {
    let data = json!({
        "path": format!("src/module_{}.rs", n % 20),
        "diff": LINE.repeat(n_lines),
        "linesAdded": n_lines,
        "linesRemoved": 0,
        "attribution": "likely_ai",
    });
    envelope(n, "file_diff", &data)
}

fn bytes(value: &Value) -> Bytes {
    Bytes::from(value.to_string())
}

fn reading(c: &mut Criterion) {
    let mut group = c.benchmark_group("parse");
    for (name, raw) in [
        ("command", bytes(&command(1))),
        ("diff of 4 KiB", bytes(&diff(1, 64))),
        ("diff of 256 KiB", bytes(&diff(1, 4096))),
    ] {
        assert!(Event::parse(raw.clone(), &limits()).is_ok(), "{name} is an event");
        group.throughput(Throughput::Bytes(raw.len().try_into().unwrap()));
        group.bench_function(name, |b| b.iter(|| Event::parse(black_box(&raw).clone(), &limits())));
    }
    let events: Vec<Value> = (0..64).map(|n| if n % 4 == 0 { diff(n, 16) } else { command(n) }).collect();
    let frame = bytes(&json!({ "type": "batch", "events": events }));
    group.throughput(Throughput::Elements(64));
    group.bench_function("frame of 64", |b| {
        b.iter(|| {
            let Ok(Frame::Events(parts)) = Frame::parse(black_box(&frame), 1000) else { panic!("a batch") };
            parts.into_iter().map(|raw| Event::parse(raw, &limits()).unwrap()).collect::<Vec<_>>()
        });
    });
    group.finish();
}

fn counting(c: &mut Criterion) {
    let received_at = limits().now;
    let events: Vec<Event> = (0..64)
        .map(|n| if n % 4 == 0 { diff(n, 16) } else { command(n) })
        .map(|value| Event::parse(bytes(&value), &limits()).unwrap())
        .collect();
    let mut group = c.benchmark_group("contribution");
    group.throughput(Throughput::Elements(1));
    for (name, event) in [("of a change", &events[0]), ("of a command", &events[1])] {
        group.bench_function(name, |b| b.iter(|| Contribution::of(black_box(event), 1, received_at)));
    }
    group.throughput(Throughput::Elements(64));
    group.bench_function("sum of 64", |b| {
        b.iter_batched(
            Contribution::default,
            |mut sum| {
                for (order, event) in (0..).zip(&events) {
                    sum.add(&Contribution::of(event, order, received_at));
                }
                sum
            },
            BatchSize::SmallInput,
        );
    });
    group.finish();

    let totals = Totals::fold((0..).zip(&events));
    let span = Span { created_at: Timestamp::from_millis(START_MILLIS), ended_at: Some(received_at) };
    c.bench_function("signals of a session", |b| b.iter(|| Signals::of(black_box(&totals), span)));
}

criterion_group!(benches, reading, counting);
criterion_main!(benches);
