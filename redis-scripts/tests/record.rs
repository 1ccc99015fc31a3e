//! The commit path on a real Redis: dedupe, seq, sums, the tail and the log stream.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::time::Duration;

use domain::{Contribution, Event, OrgId, SessionRef, Timestamp, Totals, testing};
use futures_util::StreamExt;
use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};
use redis_scripts::{
    Broadcast, Close, Commit, CommitLine, CommitPart, Config, Content, Due, NewSession, Outcome, Redis, Refusal,
    keys::{Partition, SessionKeys},
    tail::From,
};
use serde_json::json;
use uuid::Uuid;

const NOW: i64 = 1_790_000_000_000;

struct Committer {
    redis: Redis,
    line: CommitLine,
    id: Uuid,
    nonce: u64,
}

impl Committer {
    async fn new(redis: &Redis) -> Self {
        redis.mark_new().await.unwrap();
        Self { redis: redis.clone(), line: redis.commit_line(), id: Uuid::new_v4(), nonce: 0 }
    }

    async fn run(&mut self, parts: &[CommitPart], now: i64) -> Vec<Outcome> {
        self.nonce += 1;
        self.repeat(parts, now).await
    }

    async fn repeat(&mut self, parts: &[CommitPart], now: i64) -> Vec<Outcome> {
        let partition = SessionKeys::of(parts[0].session()).partition();
        let now = Timestamp::from_millis(now);
        let commit = Commit { partition, committer: self.id, nonce: self.nonce, parts, now, grace_ms: 600_000 };
        self.line.commit(&commit).await.unwrap()
    }

    async fn one(&mut self, session: &SessionRef, events: &[Event]) -> Outcome {
        self.run(&[part(session, events)], NOW).await.remove(0)
    }

    async fn totals(&self, session: &SessionRef) -> Totals {
        self.redis.session(session).await.unwrap().unwrap().totals
    }
}

fn part(session: &SessionRef, events: &[Event]) -> CommitPart {
    part_of(session, events, &NewSession::default())
}

fn part_of(session: &SessionRef, events: &[Event], new: &NewSession) -> CommitPart {
    let mut sum = Contribution::default();
    for (order, event) in (0..).zip(events) {
        sum.add(&Contribution::of(event, order, Timestamp::from_millis(NOW)));
    }
    CommitPart::new(session, new, events, &sum, Timestamp::from_millis(NOW))
}

fn session(name: &str) -> SessionRef {
    SessionRef::new(OrgId::sample(Uuid::new_v4()), name.parse().unwrap())
}

fn prompt(session: &SessionRef) -> Event {
    testing::parse(&testing::envelope(session.session.as_str(), "prompt", NOW, json!({ "text": "hi" })))
}

fn redis(server: &test_support::Redis) -> Redis {
    Redis::new(&Config::new(server.url())).unwrap()
}

#[tokio::test]
async fn events_are_recorded_once_in_order_and_answered_alike_when_the_call_is_repeated() {
    let server = test_support::Redis::start();
    let redis = redis(&server);
    redis.load_scripts().await.unwrap();
    let mut committer = Committer::new(&redis).await;
    let name = session("s");
    let events = [prompt(&name), prompt(&name), prompt(&name)];

    let first = committer.run(&[part(&name, &events[..2])], NOW).await;
    assert_eq!(first, [Outcome::Recorded { base: 0, created: true, closed: false }]);
    // The answer was lost and the call is made again: it says what it said.
    assert_eq!(committer.repeat(&[part(&name, &events[..2])], NOW).await, first);
    // Another call with one of the ids: nothing is applied, and the one is named.
    assert_eq!(committer.one(&name, &events[1..]).await, Outcome::Repeated(vec![true, false]));
    assert_eq!(committer.totals(&name).await.counts.prompts, 2);
    let rest = committer.one(&name, &events[2..]).await;
    assert_eq!(rest, Outcome::Recorded { base: 2, created: false, closed: false });

    // The same ids in another organisation's session of the same name are other events.
    let other = session("s");
    assert_eq!(
        committer.one(&other, &events).await,
        Outcome::Recorded { base: 0, created: true, closed: false },
        "another organisation cannot make events of this one repeats"
    );

    let tail = redis.read_tail(&name, From::Seq(0)).await.unwrap();
    assert_eq!((tail.newest, tail.flushed), (3, 0));
    let read: Vec<_> = tail.events.iter().map(|stored| (stored.seq, stored.event.raw().clone())).collect();
    let sent: Vec<_> = (1..).zip(&events).map(|(seq, event)| (seq, event.raw().clone())).collect();
    assert_eq!(read, sent, "exact bytes, by seq");
    let later = redis.read_tail(&name, From::Seq(1)).await.unwrap();
    assert_eq!(later.events.iter().map(|stored| stored.seq).collect::<Vec<_>>(), [2, 3]);
}

#[tokio::test]
async fn a_session_is_made_bound_promoted_closed_and_refuses_by_name() {
    let server = test_support::Redis::start();
    let redis = redis(&server);
    let mut committer = Committer::new(&redis).await;
    let name = session("s");
    let key = Uuid::new_v4();
    let new = NewSession { candidate_key: Some(key), assessment: Some(Uuid::new_v4()), ..NewSession::default() };
    let start = json!({ "cwd": "/code", "repoUrl": "https://example.com/r", "other": 1 });
    let start = testing::parse(&testing::envelope("s", "session_start", NOW - 5, start));
    assert_eq!(
        committer.run(&[part_of(&name, &[start], &new)], NOW).await,
        [Outcome::Recorded { base: 0, created: true, closed: false }]
    );
    let made = redis.session(&name).await.unwrap().unwrap();
    assert_eq!(made.record.candidate_key, Some(key));
    assert_eq!(made.record.assessment, new.assessment);
    assert_eq!(made.record.metadata["cwd"], "/code");
    assert_eq!(made.record.metadata.len(), 2);

    let again = json!({ "cwd": "/elsewhere", "candidateName": "C" });
    let again = testing::parse(&testing::envelope("s", "session_start", NOW, again));
    committer.run(&[part_of(&name, &[again], &new)], NOW).await;
    let made = redis.session(&name).await.unwrap().unwrap();
    assert_eq!(made.record.metadata["cwd"], "/code", "what is there is not overwritten");
    assert_eq!(made.record.metadata["candidateName"], "C");

    let stranger = NewSession { candidate_key: Some(Uuid::new_v4()), ..NewSession::default() };
    assert_eq!(
        committer.run(&[part_of(&name, &[prompt(&name)], &stranger)], NOW).await,
        [Outcome::Refused(Refusal::Mismatch)]
    );

    let end = testing::envelope("s", "session_end", NOW - 1, json!({}));
    assert_eq!(
        committer.run(&[part_of(&name, &[testing::parse(&end)], &new)], NOW).await,
        [Outcome::Recorded { base: 2, created: false, closed: true }]
    );
    let late = part_of(&name, &[prompt(&name)], &new);
    assert!(matches!(
        committer.run(std::slice::from_ref(&late), NOW + 600_000).await[0],
        Outcome::Recorded { base: 3, .. }
    ));
    let late = part_of(&name, &[prompt(&name)], &new);
    assert_eq!(committer.run(std::slice::from_ref(&late), NOW + 600_001).await, [Outcome::Refused(Refusal::Ended)]);
    let close = Close {
        ended_at: Timestamp::from_millis(NOW + 7),
        now: Timestamp::from_millis(NOW + 9),
        reason: "complete",
        overwrite: false,
    };
    let before = redis_scripts::Closed::Before(Timestamp::from_millis(NOW - 1));
    assert_eq!(redis.close_session(&name, &close).await.unwrap(), before, "the first close stands");
}

#[tokio::test]
async fn sums_in_redis_equal_a_plain_fold_whatever_the_batches_and_repeats() {
    let server = test_support::Redis::start();
    let redis = redis(&server);
    let mut committer = Committer::new(&redis).await;
    let mut runner = TestRunner::deterministic();
    for round in 0..30 {
        let name = session(&format!("s{round}"));
        let tree = testing::arb_events(1..80).new_tree(&mut runner).unwrap();
        let events: Vec<Event> = tree
            .current()
            .into_iter()
            .map(|mut envelope| {
                envelope["sessionId"] = json!(name.session);
                testing::parse(&envelope)
            })
            .collect();
        let sizes = prop::collection::vec(1usize..9, events.len()).new_tree(&mut runner).unwrap().current();
        let (mut at, mut sizes) = (0, sizes.into_iter());
        while at < events.len() {
            let upto = (at + sizes.next().unwrap_or(1)).min(events.len());
            let outcome = committer.one(&name, &events[at..upto]).await;
            let expected = u64::try_from(at).unwrap();
            assert!(matches!(outcome, Outcome::Recorded { base, .. } if base == expected), "{outcome:?}");
            let repeated = committer.one(&name, &events[at..=at]).await;
            assert_eq!(repeated, Outcome::Repeated(vec![true]));
            at = upto;
        }
        assert_eq!(committer.totals(&name).await, Totals::fold((1..).zip(&events)), "round {round}");
    }
}

#[tokio::test]
async fn the_log_stream_is_read_again_until_it_is_confirmed_by_the_holder_of_the_lease() {
    let server = test_support::Redis::start();
    let redis = redis(&server);
    redis.prepare_log().await.unwrap();
    redis.prepare_log().await.unwrap();
    let mut committer = Committer::new(&redis).await;
    let name = session("s");
    committer.one(&name, &[prompt(&name)]).await;
    committer.one(&name, &[prompt(&name), prompt(&name)]).await;

    let (one, other) = (Uuid::new_v4(), Uuid::new_v4());
    let lease = Duration::from_secs(30);
    let all: Vec<Partition> = redis.lease_partitions(one, lease).await.unwrap();
    assert_eq!(all.len(), 64);
    assert_eq!(redis.lease_partitions(other, lease).await.unwrap(), []);

    let batch = redis.read_new(&all, 10).await.unwrap();
    // Two commits, and the session's record with each change of it.
    assert_eq!(batch.len(), 3);
    assert!(batch.windows(2).all(|pair| pair[0].version() < pair[1].version()));
    let kinds: Vec<_> = batch.iter().map(|entry| matches!(entry.content, Content::Entity(_))).collect();
    assert_eq!(kinds, [false, true, false]);
    let Content::Entity(change) = &batch[1].content else { panic!("an entity") };
    assert_eq!((change.kind.as_str(), change.id.as_str()), ("session", "s"));
    assert!(change.version > 1_700_000_000_000, "later than any that a session of this id may have had before");
    assert!(change.fields.contains_key("created"));
    let Content::Events(parts) = &batch[2].content else { panic!("events") };
    assert_eq!((parts[0].base, parts[0].last_seq(), &parts[0].session), (1, 3, &name));

    assert!(redis.read_new(&all, 10).await.unwrap().is_empty());
    let again = redis.read_pending(&all).await.unwrap();
    let ids = |batch: &[redis_scripts::Entry]| batch.iter().map(|entry| entry.id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&again), ids(&batch), "the pending list is the frozen batch");

    let partition = SessionKeys::of(&name).partition();
    let flushed = [(name.clone(), 3)];
    assert!(!redis.confirm_written(other, partition, &ids(&batch), &flushed).await.unwrap(), "not its lease");
    assert_eq!(redis.read_unflushed(&name).await.unwrap().len(), 3);
    assert_eq!(redis.trim_log(partition, i64::MAX).await.unwrap(), 0, "what is pending never goes");
    assert!(redis.confirm_written(one, partition, &ids(&batch), &flushed).await.unwrap());
    assert!(redis.read_pending(&all).await.unwrap().is_empty());
    assert!(redis.read_unflushed(&name).await.unwrap().is_empty());
    assert_eq!(redis.read_tail(&name, From::Seq(0)).await.unwrap().events.len(), 3, "watchers still find it");
    assert!(redis.trim_log(partition, i64::MAX).await.unwrap() >= 2);
    redis.release_partitions(one, &all).await.unwrap();
    assert_eq!(redis.lease_partitions(other, Duration::from_millis(20)).await.unwrap().len(), 64);
    // The other gives no sign of life any more.
    let started = std::time::Instant::now();
    while redis.lease_partitions(one, lease).await.unwrap().is_empty() {
        assert!(started.elapsed() < Duration::from_secs(10));
    }
    assert!(!redis.confirm_written(other, partition, &[], &[]).await.unwrap(), "too late");
}

#[tokio::test]
async fn what_is_due_is_claimed_by_one_until_it_is_done_or_the_claim_is_over() {
    let server = test_support::Redis::start();
    let redis = redis(&server);
    let at = Timestamp::from_millis;
    redis.mark_new().await.unwrap();
    let (due, later) = (Due::Deadline(session("a")), Due::Deadline(session("b")));
    redis.schedule(&due, at(NOW)).await.unwrap();
    redis.schedule(&later, at(NOW + 5_000)).await.unwrap();
    let hold = Duration::from_secs(1);
    assert_eq!(redis.claim_due(at(NOW - 1), hold).await.unwrap(), []);
    let claims = futures_util::future::join_all((0..8).map(|_| redis.claim_due(at(NOW), hold))).await;
    let claimed: Vec<Due> = claims.into_iter().flat_map(Result::unwrap).collect();
    assert_eq!(claimed, std::slice::from_ref(&due), "by one of many");
    assert_eq!(
        redis.claim_due(at(NOW + 1_000), hold).await.unwrap(),
        std::slice::from_ref(&due),
        "who claimed it died"
    );
    redis.is_done(&due).await.unwrap();
    assert_eq!(redis.claim_due(at(NOW + 9_000), hold).await.unwrap(), [later]);
}

#[tokio::test]
async fn the_events_of_a_watched_session_are_broadcast_and_those_of_others_only_announced() {
    let server = test_support::Redis::start();
    let redis = redis(&server);
    redis.load_scripts().await.unwrap();
    let mut committer = Committer::new(&redis).await;
    let (watched, other) = two_of_one_partition();
    let partition = Partition::of_session(&watched);
    let mut news = redis.subscriber().await.unwrap();
    news.subscribe(&[partition.wake_channel(), partition.broadcast_channel()]).await.unwrap();
    redis.count_watchers(&watched, Uuid::new_v4(), 1, Timestamp::from_millis(NOW)).await.unwrap();
    let mut news = news.into_on_message();
    assert_eq!(news.next().await.unwrap().get_payload::<String>().unwrap(), watched.to_string(), "somebody came");

    let event = prompt(&watched);
    committer.run(&[part(&watched, std::slice::from_ref(&event)), part(&other, &[prompt(&other)])], NOW).await;
    let message = news.next().await.unwrap();
    assert_eq!(message.get_channel_name(), partition.broadcast_channel());
    let broadcast = Broadcast::of(message.get_payload().unwrap()).unwrap();
    let logged = broadcast.events().unwrap();
    assert_eq!((broadcast.session(), logged.base, logged.events.len()), (&watched, 0, 1));
    assert_eq!(logged.events[0].event.raw(), event.raw());
    assert_eq!(logged.events[0].seq, 1);
    let message = news.next().await.unwrap();
    assert_eq!(message.get_channel_name(), partition.wake_channel());
    assert_eq!(message.get_payload::<String>().unwrap(), other.to_string());

    // What is large is read back by those who want it.
    let large = json!({ "text": "x".repeat(65_536) });
    let large = testing::parse(&testing::envelope(watched.session.as_str(), "prompt", NOW, large));
    committer.one(&watched, &[large]).await;
    let message = news.next().await.unwrap();
    assert_eq!(message.get_payload::<String>().unwrap(), watched.to_string());
    // Nothing is broadcast twice, and nothing of a call that is repeated.
    committer.repeat(&[part(&watched, &[prompt(&watched)])], NOW).await;
    committer.one(&other, &[prompt(&other)]).await;
    assert_eq!(news.next().await.unwrap().get_payload::<String>().unwrap(), other.to_string());
}

/// Two sessions of one partition.
fn two_of_one_partition() -> (SessionRef, SessionRef) {
    let first = session("s");
    let other = (0..).map(|number| session(&format!("o{number}")));
    let other = other.into_iter().find(|other| Partition::of_session(other) == Partition::of_session(&first));
    (first, other.unwrap())
}

#[tokio::test]
async fn what_is_doubted_counts_as_not_written_until_it_is_written_once_more() {
    let server = test_support::Redis::start();
    let redis = redis(&server);
    redis.prepare_log().await.unwrap();
    let mut committer = Committer::new(&redis).await;
    let (name, other) = two_of_one_partition();
    let partition = SessionKeys::of(&name).partition();
    let writer = Uuid::new_v4();
    redis.lease_partitions(writer, Duration::from_secs(30)).await.unwrap();
    let write = async |n_entries| {
        let batch = redis.read_new(&[partition], n_entries).await.unwrap();
        let ids: Vec<String> = batch.iter().map(|entry| entry.id.clone()).collect();
        assert!(redis.confirm_written(writer, partition, &ids, &[(name.clone(), 3)]).await.unwrap());
        batch.len()
    };
    let unflushed =
        async || redis.read_unflushed(&name).await.unwrap().iter().map(|event| event.seq).collect::<Vec<_>>();
    committer.one(&name, &[prompt(&name)]).await;
    committer.one(&name, &[prompt(&name), prompt(&name)]).await;
    assert_eq!(write(10).await, 3);
    assert_eq!(unflushed().await, [0_u64; 0]);

    redis.doubt_log().await.unwrap();
    assert_eq!(unflushed().await, [1, 2, 3], "clickhouse may lack them");
    // What is recorded and written meanwhile ends no doubt.
    committer.one(&other, &[prompt(&other)]).await;
    write(10).await;
    assert_eq!(unflushed().await, [1, 2, 3]);
    redis.rewind_log().await.unwrap();
    assert_eq!(write(1).await, 1);
    assert_eq!(unflushed().await, [1, 2, 3], "a part of it is not all of it");
    while write(10).await > 0 {}
    assert_eq!(unflushed().await, [0_u64; 0]);
    // Where nothing is doubted, a stream that is written once more is not.
    redis.rewind_log().await.unwrap();
    assert_eq!(unflushed().await, [0_u64; 0]);
}
