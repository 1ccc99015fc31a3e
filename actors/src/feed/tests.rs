use domain::{OrgId, SessionRecord, Timestamp, Totals, testing};

use uuid::Uuid;

use super::*;

fn feed(last_seq: u64) -> Feed {
    let at = Timestamp::from_millis(1_000);
    let record = SessionRecord {
        assessment: None,
        candidate_key: None,
        candidate_name: None,
        source_service: None,
        created_at: at,
        updated_at: at,
        ended_at: None,
        closed_at: None,
        end_reason: None,
        deadline: None,
        metadata: serde_json::Map::new(),
        total_cost_usd: None,
        version: 1,
    };
    let name = SessionRef::new(OrgId::sample(Uuid::nil()), "s".parse().unwrap());
    Feed::new(Session { name, record, totals: Totals::default(), last_seq })
}

fn stored(seq: u64, bytes: usize) -> StoredEvent {
    let data = json!({ "text": "x".repeat(bytes) });
    StoredEvent {
        event: testing::parse(&testing::envelope("s", "prompt", 1_000, data)),
        org: OrgId::sample(Uuid::nil()),
        seq,
        received_at: Timestamp::from_millis(2_000),
    }
}

fn seqs(found: Found) -> Option<Vec<u64>> {
    match found {
        Found::Frames(frames) => Some(frames.iter().map(|frame| frame.seq).collect()),
        Found::Nothing => Some(Vec::new()),
        Found::TooFarBehind => None,
    }
}

#[test]
fn watchers_pull_at_their_own_pace_and_hear_when_they_are_too_far_behind() {
    let feed = feed(5);
    assert_eq!(seqs(feed.after(5, 9)), Some(vec![]));
    assert_eq!(seqs(feed.after(4, 9)), None, "what came before is not in the ring");
    feed.push(&[stored(6, 1), stored(7, 1)]);
    feed.push(&[stored(7, 1), stored(8, 1)]);
    assert_eq!(seqs(feed.after(5, 2)), Some(vec![6, 7]));
    assert_eq!(seqs(feed.after(7, 9)), Some(vec![8]), "no seq twice");
    assert_eq!(seqs(feed.after(99, 9)), Some(vec![]), "a watcher may be ahead of this node");
    let more: Vec<_> = (9..9 + 256).map(|seq| stored(seq, 1)).collect();
    feed.push(&more);
    assert_eq!(seqs(feed.after(7, 1)), None);
    assert_eq!(seqs(feed.after(8, 1)), Some(vec![9]));
}

#[test]
fn the_ring_is_bounded_in_bytes_and_always_holds_the_newest() {
    let feed = feed(0);
    feed.push(&[stored(1, 100), stored(2, 7 << 20), stored(3, 2 << 20)]);
    assert_eq!(seqs(feed.after(1, 9)), None);
    assert_eq!(seqs(feed.after(2, 9)), Some(vec![3]));
    feed.push(&[stored(4, 9 << 20)]);
    assert_eq!(seqs(feed.after(3, 9)), Some(vec![4]));
}

#[test]
fn a_frame_is_the_timeline_row_with_its_type_first() {
    let stored = stored(1, 1);
    let mut row = Vec::new();
    row::write(&stored, &mut row);
    let text = EventFrame::of(&stored).text;
    assert_eq!(text, [br#"{"type":"event","event":"#, row.as_slice(), b"}"].concat());
}

/// A broadcast of one event, as commits send them.
fn broadcast(session: &SessionRef, base: u64) -> Broadcast {
    let raw = testing::envelope("s", "prompt", 1_000, json!({ "text": "hi" })).to_string();
    let mut payload = format!("{base} 7 {session}\n").into_bytes();
    payload.push(1);
    payload.extend(2_000_i64.to_le_bytes());
    payload.extend(1_u32.to_le_bytes());
    payload.push(0);
    payload.extend(u32::try_from(raw.len()).unwrap().to_le_bytes());
    payload.extend(raw.bytes());
    Broadcast::of(payload.into()).unwrap()
}

#[test]
fn a_broadcast_is_taken_when_nothing_is_missing_before_it() {
    let feed = feed(5);
    assert!(!feed.take(&broadcast(&feed.name, 6)), "6 is missing");
    assert_eq!(seqs(feed.after(5, 9)), Some(vec![]));
    assert!(feed.take(&broadcast(&feed.name, 5)));
    assert!(feed.take(&broadcast(&feed.name, 5)), "it has that already");
    assert!(feed.take(&broadcast(&feed.name, 6)));
    assert_eq!(seqs(feed.after(5, 9)), Some(vec![6, 7]));
    let row = |found| match found {
        Found::Frames(frames) => String::from_utf8(frames[0].text.to_vec()).unwrap(),
        _ => panic!("no frame"),
    };
    let frame: serde_json::Value = serde_json::from_str(&row(feed.after(5, 1))).unwrap();
    assert_eq!((&frame["event"]["seq"], &frame["event"]["data"]["text"]), (&json!(6), &json!("hi")));
}
