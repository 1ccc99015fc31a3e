//! What the step that records events costs in a real Redis: its round trip, less that of a `PING`, is the script.
//!
//! `cargo bench -p redis-scripts`. Redis does not wait for its disk here: what that costs depends on the disk, and
//! `make bench` measures it.
#![expect(clippy::unwrap_used, reason = "a benchmark has nobody to tell")]
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use domain::{Contribution, Event, OrgId, SessionRef, Timestamp, testing};
use redis_scripts::{Commit, CommitPart, Config, NewSession, Redis, keys::Partition, keys::SessionKeys};
use serde_json::json;
use tokio::runtime::Runtime;
use uuid::Uuid;

/// How a commit is made up.
const SHAPES: [(&str, usize, usize); 4] = [
    ("1 session, 1 event", 1, 1),
    ("1 session, 64 events", 1, 64),
    ("16 sessions, 1 event each", 16, 1),
    ("16 sessions, 4 events each", 16, 4),
];

fn now() -> Timestamp {
    Timestamp::from_millis(std::time::UNIX_EPOCH.elapsed().unwrap().as_millis().try_into().unwrap())
}

/// Sessions of one partition.
fn sessions(n: usize) -> Vec<SessionRef> {
    let org = OrgId::sample(Uuid::from_u128(1));
    let all = (0..).map(|number| SessionRef::new(org, format!("s-{number}").parse().unwrap()));
    all.filter(|name| SessionKeys::of(name).partition() == partition()).take(n).collect()
}

fn partition() -> Partition {
    Partition::all().next().unwrap()
}

/// Events that nobody has sent before, with what they add.
fn part(name: &SessionRef, n: usize) -> CommitPart {
    let received_at = now();
    let mut sum = Contribution::default();
    let mut events: Vec<Event> = Vec::with_capacity(n);
    for order in 0..n {
        let data = json!({ "command": "cargo test --workspace", "exitCode": order % 3, "durationMs": 1200 });
        let event = testing::parse(&testing::envelope(name.session.as_str(), "command", received_at.millis(), data));
        sum.add(&Contribution::of(&event, order.try_into().unwrap(), received_at));
        events.push(event);
    }
    CommitPart::new(name, &NewSession::default(), &events, &sum, received_at)
}

fn commits(c: &mut Criterion) {
    let server = test_support::Redis::start();
    let runtime = Runtime::new().unwrap();
    let redis = Redis::new(&Config::new(server.url())).unwrap();
    let mut connection = runtime.block_on(async {
        redis.prepare_log().await.unwrap();
        redis.mark_new().await.unwrap();
        let mut connection = redis.writer(partition()).await.unwrap();
        let mut relaxed = redis::cmd("CONFIG");
        relaxed.arg("SET").arg("appendfsync").arg("no");
        let () = relaxed.query_async(&mut connection).await.unwrap();
        connection
    });
    let mut group = c.benchmark_group("commit");
    group.bench_function("PING", |b| {
        b.iter(|| {
            let ping = redis::cmd("PING");
            let answer: String = runtime.block_on(ping.query_async(&mut connection)).unwrap();
            answer
        });
    });
    let (line, committer) = (redis.commit_line(), Uuid::from_u128(2));
    let mut nonce = 0;
    for (name, n_sessions, n_events) in SHAPES {
        let sessions = sessions(n_sessions);
        group.throughput(Throughput::Elements((n_sessions * n_events).try_into().unwrap()));
        group.bench_function(name, |b| {
            b.iter_batched(
                || sessions.iter().map(|name| part(name, n_events)).collect::<Vec<_>>(),
                |parts| {
                    nonce += 1;
                    let partition = partition();
                    let commit = Commit { partition, committer, nonce, parts: &parts, now: now(), grace_ms: 600_000 };
                    runtime.block_on(line.commit(&commit)).unwrap()
                },
                criterion::BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, commits);
criterion_main!(benches);
