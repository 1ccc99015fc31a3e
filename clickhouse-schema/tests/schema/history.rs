use bytes::Bytes;
use clickhouse_schema::{Error, Position, TimelinePage};
use domain::testing::START_MILLIS;
use domain::{Event, Limits, OrgId, SessionRef, StoredEvent, row};
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use crate::store::{ORG, OTHER_ORG, Store, arb_session, at, event, logged, prompt, seqs, session};

const ALL: TimelinePage = TimelinePage { after: None, kinds: Vec::new(), from: None, to: None, limit: 1_000 };

fn rows(events: &[StoredEvent]) -> Vec<String> {
    let print = |stored: &StoredEvent| {
        let mut out = Vec::new();
        row::write(stored, &mut out);
        String::from_utf8(out).unwrap()
    };
    events.iter().map(print).collect()
}

#[tokio::test]
async fn events_come_back_as_they_were_received() {
    let store = Store::start().await;
    let mut events = logged(ORG, &arb_session(&mut TestRunner::default(), "s"));
    let strange =
        b"  { \"v\":1.0, \"sig\":\"x\",\"note\":\"\xc3\xa4\", \"id\":\"6ECD8C99-4036-403D-BF84-CF8400F67836\",\
        \"sessionId\":\"s\",\"kind\":\"tool_call\",\"ts\":\"1970-01-01T02:00:00.0009+02:00\",\"source\":{},\
        \"data\" : {\"a\" : 1e400, \"b\":\"\\u0000'?\\\\\",\"a\":2} }\n";
    let limits = Limits { now: at(0), strict_kinds: false };
    let strange = Event::parse(Bytes::from_static(strange), &limits).unwrap();
    let seq = u64::try_from(events.len()).unwrap() + 1;
    let mut last = logged(ORG, &[prompt("s", 0)]).remove(0);
    last.stored = StoredEvent { event: strange, seq, ..last.stored };
    events.push(last);
    store.log.append_events(&events).await.unwrap();

    let expected: Vec<StoredEvent> = events.into_iter().map(|logged| logged.stored).collect();
    let found = store.log.read_after(&session("s"), 0, 1_000).await.unwrap();
    let raw = |events: &[StoredEvent]| events.iter().map(|stored| stored.event.raw().clone()).collect::<Vec<_>>();
    assert_eq!(raw(&found), raw(&expected));
    assert_eq!(rows(&found), rows(&expected));
    let facts = |events: &[StoredEvent]| events.iter().map(|stored| stored.event.facts.clone()).collect::<Vec<_>>();
    assert_eq!(facts(&found), facts(&expected));
}

#[tokio::test]
async fn typed_columns_say_what_the_event_says() {
    let store = Store::start().await;
    let mut change = event("s", "file_diff", 7, json!({ "path": "ä.rs", "linesAdded": 3, "linesRemoved": 4 }));
    change["source"] = json!({ "channel": "mcp", "integration": "in", "emitter": "em" });
    change["actor"] = json!({ "type": "ai" });
    change["provenance"] = json!({ "attribution": "mixed", "confidence": 0.25, "observability": "low" });
    let test = event("s", "command", 8, json!({ "command": "npm test", "exitCode": -1 }));
    store.log.append_events(&logged(ORG, &[change, test])).await.unwrap();
    let print = |seq: u64| {
        store
            .sql
            .query_raw(
                "SELECT toString((toUnixTimestamp64Milli(ts), kind, channel, integration, emitter, author, attribution, \
                 confidence, observability, command_class, exit_code, path, lines_added, lines_removed, test_verdict, \
                 sig_verified, version)) FROM events_once WHERE seq = {seq:UInt64}",
            )
            .param("seq", seq)
            .fetch_one::<String>()
    };
    let version = |seq: u64| u64::MAX - seq;
    assert_eq!(
        print(1).await.unwrap(),
        format!(
            "({},'file_diff','mcp','in','em','ai','mixed',0.25,'low','',NULL,'ä.rs',3,4,NULL,true,{})",
            START_MILLIS + 7,
            version(1)
        )
    );
    assert_eq!(
        print(2).await.unwrap(),
        format!(
            "({},'command','api','test','test','unknown','unknown',0.5,'partial','test',-1,'',0,0,false,false,{})",
            START_MILLIS + 8,
            version(2)
        )
    );
}

#[tokio::test]
async fn a_timeline_is_paged_by_time_and_then_by_order_of_arrival() {
    let store = Store::start().await;
    let times = [5, 0, 5, 9, 5, 0, 7];
    let kinds = ["prompt", "command", "prompt", "a_b", "prompt", "prompt", "planning"];
    let make = |(millis, kind): (&i64, &&str)| event("s", kind, *millis, json!({ "command": "ls" }));
    let envelopes: Vec<Value> = times.iter().zip(&kinds).map(make).collect();
    store.log.append_events(&logged(ORG, &envelopes)).await.unwrap();
    let s = session("s");
    let page = async |page: &TimelinePage| seqs(&store.log.timeline(&s, page).await.unwrap());
    assert_eq!(page(&ALL).await, [2, 6, 1, 3, 5, 7, 4]);

    let (mut after, mut paged) = (None, Vec::new());
    loop {
        let events = store.log.timeline(&s, &TimelinePage { after, limit: 2, ..ALL }).await.unwrap();
        let Some(last) = events.last() else { break };
        after = store.log.position_of(&s, last.event.id).await.unwrap();
        assert_eq!(after, Some(Position { ts: last.event.ts, seq: last.seq }));
        paged.extend(seqs(&events));
    }
    assert_eq!(paged, [2, 6, 1, 3, 5, 7, 4]);

    let kinds = |kinds: &[&str]| kinds.iter().map(|kind| (*kind).to_owned()).collect::<Vec<_>>();
    assert_eq!(page(&TimelinePage { kinds: kinds(&["planning", "a_b"]), ..ALL }).await, [7, 4]);
    assert!(page(&TimelinePage { kinds: kinds(&["'); DROP TABLE events --", "\\"]), ..ALL }).await.is_empty());
    let (from, to) = (Some(at(START_MILLIS + 5)), Some(at(START_MILLIS + 7)));
    assert_eq!(page(&TimelinePage { from, to, ..ALL }).await, [1, 3, 5, 7]);
    let after = Some(Position { ts: at(START_MILLIS + 5), seq: 3 });
    assert_eq!(page(&TimelinePage { after, from, to, limit: 1, ..ALL }).await, [5]);
    assert!(page(&TimelinePage { from: to, to: from, ..ALL }).await.is_empty());

    assert_eq!(seqs(&store.log.read_after(&s, 0, 3).await.unwrap()), [1, 2, 3]);
    assert_eq!(seqs(&store.log.read_after(&s, 3, 3).await.unwrap()), [4, 5, 6]);
    assert_eq!(seqs(&store.log.read_after(&s, 6, 3).await.unwrap()), [7]);
    assert!(store.log.read_after(&s, u64::MAX, usize::MAX).await.unwrap().is_empty());
    assert_eq!(store.log.position_of(&s, uuid::Uuid::nil()).await.unwrap(), None);
}

#[tokio::test]
async fn a_stored_event_that_cannot_be_read_is_an_error() {
    let store = Store::start().await;
    store.log.append_events(&logged(ORG, &[prompt("s", 0), prompt("s", 1)])).await.unwrap();
    store.run("ALTER TABLE events UPDATE raw = 'no event' WHERE seq = 2 SETTINGS mutations_sync = 2").await;
    assert_eq!(seqs(&store.log.read_after(&session("s"), 0, 1).await.unwrap()), [1]);
    let error = store.log.read_after(&session("s"), 0, 2).await.unwrap_err();
    assert!(matches!(&error, Error::Decode(text) if text.contains("seq 2")), "{error}");
}

#[tokio::test]
async fn another_organisation_sees_nothing() {
    let store = Store::start().await;
    let of = |org: OrgId| SessionRef::new(org, "s".parse().unwrap());
    let ours = logged(ORG, &[prompt("s", 0), prompt("s", 1)]);
    // The same session's name and the same event's id, elsewhere.
    let mut theirs = ours[..1].to_vec();
    theirs[0].stored.org = OTHER_ORG;
    theirs[0].stored.seq = 77;
    store.log.append_events(&[theirs, ours.clone()].concat()).await.unwrap();
    assert_eq!(seqs(&store.log.read_after(&of(ORG), 0, 10).await.unwrap()), [1, 2]);
    assert_eq!(seqs(&store.log.read_after(&of(OTHER_ORG), 0, 10).await.unwrap()), [77]);
    let theirs = store.log.timeline(&of(OTHER_ORG), &ALL).await.unwrap();
    assert_eq!((seqs(&theirs), theirs[0].org), (vec![77], OTHER_ORG));
    assert_eq!(store.log.position_of(&of(OTHER_ORG), ours[1].stored.event.id).await.unwrap(), None);
    assert_eq!(store.log.totals(&of(OTHER_ORG)).await.unwrap().counts.events, 1);
    assert_eq!(store.log.totals(&of(ORG)).await.unwrap().counts.events, 2);
}
