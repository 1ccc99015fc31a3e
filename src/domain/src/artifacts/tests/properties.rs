//! What holds for any session.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::testing::arb_events;

/// The session in timeline order, with `seq`s by the order in which its events stand.
fn timeline(values: &[Value]) -> Vec<StoredEvent> {
    let mut events: Vec<_> = values.iter().zip(1..).map(|(value, seq)| stored(value, seq)).collect();
    events.sort_by_key(|stored| (stored.event.ts, stored.seq));
    events
}

/// Events of [`arb_events`], some with what only the artifacts read, and with odd payloads.
fn arb_session() -> impl Strategy<Value = Vec<Value>> {
    let odd = prop_oneof![
        Just(("interrupt", json!({}))),
        Just(("plan_decision", json!({ "planPreview": null }))),
        Just(("command", json!({ "command": "git reset --hard && npm i x", "exitCode": 0 }))),
        Just(("command", json!({ "command": "git commit -m x", "exitCode": 0 }))),
        Just(("command", json!({ "command": "npm test", "exitCode": 1, "stdout": "Tests: 1 failed, 2 passed" }))),
        Just(("ai_response", json!({ "inputTokens": u64::MAX, "totalCost": 1e308, "usage": [1] }))),
        Just(("ai_response", json!({ "usage": { "inputTokens": 7 }, "usageScope": "request", "totalCost": 0.1 }))),
        Just(("file_diff", json!({ "path": "a.rs", "linesAdded": 1e300, "linesRemoved": 4_000_000_000u64 }))),
        Just(("file_create", json!({ "path": "b.rs", "linesAdded": 90 }))),
        Just(("decision_event", json!({ "rationale": "because", "tradeoffs": 3 }))),
        Just(("test_run", json!({ "passed": i64::MAX, "failed": 1e40, "runner": "\u{1F600}" }))),
        Just(("build_run", json!({ "success": "yes", "exitCode": 1 }))),
    ];
    (arb_events(0..60), prop::collection::vec((odd, any::<u128>(), any::<prop::sample::Index>()), 0..30)).prop_map(
        |(mut events, odd)| {
            for ((kind, data), id, place) in odd {
                let ts = START_MILLIS + i64::try_from(place.index(40 * 60)).unwrap() * 1000;
                let mut event = envelope(crate::testing::SESSION, kind, ts, data);
                event["id"] = json!(Uuid::from_u128(id));
                events.insert(place.index(events.len() + 1), event);
            }
            events
        },
    )
}

fn bytes(artifacts: &[Artifact]) -> Vec<u8> {
    serde_json::to_vec(artifacts).unwrap()
}

/// Calls `check` for every `events` member in the artifact.
fn for_each_evidence(value: &Value, check: &mut impl FnMut(&Value)) {
    match value {
        Value::Object(members) => {
            members.get("events").into_iter().for_each(&mut *check);
            members.values().for_each(|member| for_each_evidence(member, check));
        }
        Value::Array(elements) => elements.iter().for_each(|element| for_each_evidence(element, check)),
        _ => {}
    }
}

proptest! {
    #[test]
    fn the_same_events_give_the_same_bytes(values in arb_session(), cut in any::<prop::sample::Index>()) {
        let events = timeline(&values);
        let once = derive_all(&events);
        prop_assert_eq!(bytes(&once), bytes(&derive_all(&timeline(&values))));
        // In pages, and received at other times.
        let (first, second) = events.split_at(cut.index(events.len() + 1));
        let mut derivation = Derivation::default();
        for stored in first.iter().chain(second) {
            derivation.add(&StoredEvent { received_at: Timestamp::from_millis(0), ..stored.clone() });
        }
        let totals = Totals::fold(events.iter().map(|stored| (stored.seq, &stored.event)));
        let span = Span { created_at: Timestamp::from_millis(START_MILLIS), ended_at: None };
        prop_assert_eq!(bytes(&once), bytes(&derivation.finish(&Signals::of(&totals, span))));
    }

    #[test]
    fn every_event_that_is_named_is_in_the_session(values in arb_session()) {
        let events = timeline(&values);
        let known: BTreeSet<_> = events.iter().map(|stored| (stored.event.id.to_string(), stored.seq)).collect();
        for artifact in derive_all(&events) {
            let mut unknown = Vec::new();
            for_each_evidence(&artifact.data, &mut |named| {
                for event in named.as_array().unwrap() {
                    let name = (event["id"].as_str().unwrap().to_owned(), event["seq"].as_u64().unwrap());
                    if !known.contains(&name) {
                        unknown.push(name);
                    }
                }
            });
            prop_assert_eq!(unknown, vec![]);
        }
    }

    #[test]
    fn every_sentence_moment_and_question_rests_on_events(values in arb_session()) {
        let artifacts = derive_all(&timeline(&values));
        let list = |kind: ArtifactKind, name: &str| {
            let artifact = artifacts.iter().find(|artifact| artifact.kind == kind).unwrap();
            artifact.data[name].as_array().unwrap().clone()
        };
        for sentence in list(ArtifactKind::CandidateSummary, "sentences") {
            let text = sentence["text"].as_str().unwrap();
            let says_nothing = text.starts_with("No ") && text.ends_with(" were recorded.");
            prop_assert_eq!(seqs(&sentence).is_empty(), says_nothing, "{}", text);
            prop_assert!(says_nothing || text.contains(|letter: char| letter.is_ascii_digit()), "no figure: {}", text);
        }
        let moments = list(ArtifactKind::KeyMomentsV1, "moments");
        for rests in moments.into_iter().chain(list(ArtifactKind::InterviewFollowupsV1, "questions")) {
            prop_assert!(!seqs(&rests).is_empty(), "{}", rests);
            prop_assert!(rests["from"].as_str() <= rests["to"].as_str(), "{}", rests);
        }
    }

    #[test]
    fn the_artifacts_agree_with_the_signals(values in arb_session()) {
        let events = timeline(&values);
        let totals = Totals::fold(events.iter().map(|stored| (stored.seq, &stored.event)));
        let artifacts = derive_all(&events);
        let data = |kind: ArtifactKind| &artifacts.iter().find(|artifact| artifact.kind == kind).unwrap().data;
        let analytics = data(ArtifactKind::AnalyticsV1);
        let counts = totals.counts;
        let pairs = [
            ("eventCount", &analytics["eventCount"], counts.events),
            ("prompts", &analytics["prompts"]["count"], counts.prompts),
            ("commands", &analytics["commands"]["count"], counts.commands),
            ("failed", &analytics["commands"]["failed"], counts.command_failures),
            ("verifications", &analytics["verifications"]["count"], counts.verifications),
            ("edits", &analytics["edits"]["count"], counts.changes),
            ("decisions", &analytics["decisions"]["count"], counts.decisions),
            ("by hand", &analytics["edits"]["byAuthor"][2]["changes"], counts.manual_changes),
            ("tests", &data(ArtifactKind::TestResultsV1)["runCount"], counts.test_runs),
        ];
        for (name, shown, counted) in pairs {
            prop_assert_eq!(shown, &json!(counted), "{}", name);
        }
        let passed_at_end = &data(ArtifactKind::TestResultsV1)["testsPassedAtEnd"];
        prop_assert_eq!(passed_at_end, &json!(totals.last_test.map(|test| test.passed)));
        let sum = |list: &Value| list.as_array().unwrap().iter().map(|one| one["activeMs"].as_i64().unwrap()).sum::<i64>();
        prop_assert_eq!(json!(sum(&analytics["time"]["byPhase"])), analytics["time"]["activeMs"].clone());
        prop_assert_eq!(json!(sum(&analytics["time"]["byKind"])), analytics["time"]["activeMs"].clone());
    }
}

#[test]
fn a_hundred_thousand_events_give_artifacts_of_bounded_size() {
    let kinds = ["prompt", "command", "file_diff", "test_run", "plan_decision", "interrupt", "decision_event"];
    let mut derivation = Derivation::default();
    let mut totals = crate::Contribution::default();
    for (seq, kind) in (0..100_000u32).zip(kinds.into_iter().cycle()) {
        let kind = if seq % 11 == 0 { format!("own_{seq}") } else { kind.to_owned() };
        let command = format!("npm test {seq}");
        let data = json!({ "command": command, "exitCode": seq % 3, "path": format!("{seq}.rs"), "linesAdded": 30 });
        let mut value = envelope("s", &kind, START_MILLIS + i64::from(seq) * 700, data);
        value["source"] = json!({ "integration": format!("tool-{seq}") });
        let stored = stored(&value, seq.into());
        totals.add(&crate::Contribution::of(&stored.event, stored.seq, stored.received_at));
        derivation.add(&stored);
    }
    let totals =
        Totals { counts: totals.counts, first_ts: totals.first_ts, last_ts: totals.last_ts, ..Totals::default() };
    let span = Span { created_at: Timestamp::from_millis(START_MILLIS), ended_at: None };
    for artifact in derivation.finish(&Signals::of(&totals, span)) {
        let size = serde_json::to_vec(&artifact).unwrap().len();
        assert!(size < 200_000, "{}: {size} bytes", artifact.kind.as_str());
    }
}

#[test]
fn events_in_the_wrong_order_overflow_nothing() {
    let at = |ts_millis| stored(&envelope("s", "prompt", ts_millis, json!({})), 1);
    let (first, last) = (at(0), at(i64::MAX));
    let mut derivation = Derivation::default();
    for _ in 0..50_000 {
        derivation.add(&last);
        derivation.add(&first);
    }
    let span = Span { created_at: Timestamp::from_millis(0), ended_at: None };
    assert_eq!(derivation.finish(&Signals::of(&Totals::default(), span)).len(), 6);
}
