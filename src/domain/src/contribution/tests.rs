use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::testing::{START_MILLIS, arb_events, envelope, parse};

const NOW: i64 = START_MILLIS;

fn event(kind: &str, data: Value) -> Event {
    parse(&envelope("s", kind, NOW, data))
}

fn of(event: &Event) -> Contribution {
    Contribution::of(event, 0, Timestamp::from_millis(NOW))
}

fn counts(kind: &str, data: Value) -> Counts {
    of(&event(kind, data)).counts
}

/// A change of three lines with that attribution and author.
fn change(attribution: &str, author: &str) -> Counts {
    let mut value = envelope("s", "file_diff", NOW, json!({ "path": "a", "linesAdded": 2, "linesRemoved": 1 }));
    value["provenance"] = json!({ "attribution": attribution });
    value["actor"] = json!({ "type": author });
    of(&parse(&value)).counts
}

#[test]
fn each_kind_counts_as_what_it_is() {
    let one = Counts { events: 1, ..Counts::default() };
    assert_eq!(counts("prompt", json!({})), Counts { prompts: 1, ..one });
    assert_eq!(counts("test_run", json!({})), Counts { verifications: 1, test_runs: 1, ..one });
    assert_eq!(counts("build_run", json!({})), Counts { verifications: 1, ..one });
    assert_eq!(counts("decision_event", json!({})), Counts { decisions: 1, ..one });
    for kind in ["file_diff", "file_create", "file_delete"] {
        assert_eq!(counts(kind, json!({ "path": "a" })), Counts { changes: 1, ..one }, "{kind}");
    }
    for kind in
        ["ai_response", "git_action", "session_start", "session_end", "tool_use", "tool_call", "checkpoint", "x"]
    {
        assert_eq!(counts(kind, json!({ "action": "push" })), one, "{kind}");
    }
}

#[test]
fn commands_count_by_exit_code_and_class() {
    let one = Counts { events: 1, commands: 1, ..Counts::default() };
    assert_eq!(counts("command", json!({ "command": "ls" })), one);
    assert_eq!(counts("command", json!({ "command": "ls", "exitCode": 0 })), one);
    assert_eq!(counts("command", json!({ "command": "ls", "exitCode": null })), one);
    assert_eq!(counts("command", json!({ "command": "ls", "exitCode": -1 })), Counts { command_failures: 1, ..one });
    let test = counts("command", json!({ "command": "npm test", "exitCode": 1 }));
    assert_eq!(test, Counts { command_failures: 1, verifications: 1, test_runs: 1, ..one });
    for command in ["npm run build", "eslint ."] {
        assert_eq!(counts("command", json!({ "command": command })), Counts { verifications: 1, ..one });
    }
}

#[test]
fn a_change_weighs_its_lines_and_the_assistants_share_follows_its_attribution() {
    for (attribution, doubled) in [("likely_ai", 6), ("ai_revised_by_human", 3), ("mixed", 3), ("likely_human", 0)] {
        let counts = change(attribution, "ai");
        assert_eq!((counts.attributed_changes, counts.attributed_weight), (1, 3), "{attribution}");
        assert_eq!(counts.ai_weight_doubled, doubled, "{attribution}");
    }
    for attribution in ["system_generated", "unknown", "another_word"] {
        let counts = change(attribution, "ai");
        assert_eq!((counts.attributed_changes, counts.attributed_weight, counts.ai_weight_doubled), (0, 0, 0));
    }
}

#[test]
fn by_hand_is_what_is_attributed_to_a_person_or_to_nobody_and_done_by_one() {
    for author in ["ai", "human", "system", "unknown"] {
        assert_eq!(change("likely_human", author).manual_changes, 1, "{author}");
        assert_eq!(change("unknown", author).manual_changes, u64::from(author == "human"), "{author}");
        for attribution in ["likely_ai", "ai_revised_by_human", "mixed", "system_generated"] {
            assert_eq!(change(attribution, author).manual_changes, 0, "{attribution} {author}");
        }
    }
}

#[test]
fn a_change_without_counts_weighs_1() {
    for data in [json!({ "path": "a" }), json!({ "path": "a", "linesAdded": 0, "linesRemoved": null })] {
        let mut value = envelope("s", "file_diff", NOW, data);
        value["provenance"] = json!({ "attribution": "likely_ai" });
        let counts = of(&parse(&value)).counts;
        assert_eq!((counts.attributed_weight, counts.ai_weight_doubled), (1, 2));
    }
}

#[test]
fn an_empty_path_is_a_change_but_no_file() {
    let empty = of(&event("file_diff", json!({ "path": "" })));
    assert_eq!((empty.counts.changes, empty.paths.len()), (1, 0));
    let events: Vec<_> = ["a", "b", "a", "", "A"].map(|path| event("file_create", json!({ "path": path }))).into();
    let totals = Totals::fold((1..).zip(&events));
    assert_eq!((totals.counts.changes, totals.unique_paths), (5, 3));
    assert_eq!(of(&event("file_read", json!({ "path": "a" }))).paths.len(), 0);
}

#[test]
fn times_are_kept_by_what_happened() {
    let at = |kind: &str, second: i64| parse(&envelope("s", kind, NOW + second * 1000, json!({ "path": "a" })));
    let events =
        [at("prompt", 3), at("session_start", 5), at("file_diff", 9), at("session_start", 4), at("file_delete", 7)];
    let totals = Totals::fold((1..).zip(&events));
    let second = |second: i64| Some(Timestamp::from_millis(NOW + second * 1000));
    assert_eq!((totals.first_ts, totals.last_ts), (second(3), second(9)));
    assert_eq!((totals.first_start_ts, totals.first_change_ts), (second(4), second(7)));
}

#[test]
fn the_last_test_is_the_last_by_time_and_then_by_arrival() {
    let run = |second: i64, data: Value| parse(&envelope("s", "test_run", NOW + second * 1000, data));
    let (passed, failed, silent) = (json!({ "passed": 1 }), json!({ "failed": 1 }), json!({}));
    let last = |events: &[Event]| Totals::fold((1..).zip(events)).last_test.map(|test| (test.order, test.passed));
    assert_eq!(last(&[run(1, failed.clone()), run(2, passed.clone())]), Some((2, true)));
    assert_eq!(last(&[run(2, passed.clone()), run(1, failed.clone())]), Some((1, true)));
    assert_eq!(last(&[run(1, passed.clone()), run(1, failed.clone())]), Some((2, false)));
    assert_eq!(last(&[run(1, failed), run(1, passed.clone()), run(1, silent.clone())]), Some((2, true)));
    assert_eq!(last(&[run(1, silent)]), None);
    let command = parse(&envelope("s", "command", NOW + 9000, json!({ "command": "go test", "exitCode": 2 })));
    assert_eq!(last(&[run(1, passed), command]), Some((2, false)));
}

#[test]
fn an_event_counts_in_the_window_of_its_time_but_never_ahead_of_its_receipt() {
    let now = Timestamp::from_millis(NOW);
    let windows = |millis: i64| {
        let event = parse(&envelope("s", "prompt", NOW + millis, json!({})));
        Contribution::of(&event, 0, now).windows.0.into_keys().collect::<Vec<_>>()
    };
    assert_eq!(windows(0), [bucket_of(now)]);
    assert_eq!(windows(60_000), [bucket_of(now)]);
    assert_eq!(windows(-60_000), [bucket_of(now.plus_millis(-60_000))]);
    assert_eq!(windows(-Windows::WIDEST_MS).len(), 1);
    assert_eq!(windows(-Windows::WIDEST_MS - 1), Vec::<i64>::new());
    assert_eq!(of(&event("ai_response", json!({}))).windows, Windows::default());
}

#[test]
fn counts_are_stored_under_their_names() {
    let mut counts = Counts::default();
    for (value, name) in (1..).zip(Counts::FIELDS) {
        counts.set(name, value);
    }
    counts.set("no_such_count", 99);
    assert_eq!(counts.values(), (1..=12).collect::<Vec<u64>>());
    assert_eq!(counts.ai_weight_doubled, 12);
}

#[test]
fn a_session_began_with_its_first_start_else_its_first_event_else_its_creation() {
    let created = Timestamp::from_millis(NOW);
    let mut totals = Totals::default();
    assert_eq!(totals.started_at(created), created);
    totals.first_ts = Some(Timestamp::from_millis(NOW - 5));
    assert_eq!(totals.started_at(created), Timestamp::from_millis(NOW - 5));
    totals.first_start_ts = Some(Timestamp::from_millis(NOW + 5));
    assert_eq!(totals.started_at(created), Timestamp::from_millis(NOW + 5));
}

/// Each event's contribution under the order that it has in `events`.
fn contributions(events: &[Value]) -> Vec<Contribution> {
    let received_at = Timestamp::from_millis(START_MILLIS + 40 * 60 * 1000);
    (0..).zip(events).map(|(order, value)| Contribution::of(&parse(value), order, received_at)).collect()
}

fn sum<'a>(contributions: impl IntoIterator<Item = &'a Contribution>) -> Contribution {
    let mut sum = Contribution::default();
    for contribution in contributions {
        sum.add(contribution);
    }
    sum
}

proptest! {
    #[test]
    fn sums_do_not_depend_on_order(events in arb_events(0..30), seed in any::<Vec<prop::sample::Index>>()) {
        let in_order = contributions(&events);
        let mut shuffled = in_order.clone();
        for (at, index) in (0..shuffled.len()).zip(&seed) {
            let other = index.index(shuffled.len());
            shuffled.swap(at, other);
        }
        prop_assert_eq!(sum(&in_order), sum(&shuffled));
    }

    #[test]
    fn sums_do_not_depend_on_batching(events in arb_events(0..30), batches in prop::collection::vec(0usize..5, 30)) {
        let contributions = contributions(&events);
        let partial: Vec<_> = (0..5)
            .map(|batch| sum(contributions.iter().zip(&batches).filter(|(_, of)| **of == batch).map(|(one, _)| one)))
            .collect();
        prop_assert_eq!(sum(&partial), sum(&contributions));
    }

    #[test]
    fn a_fold_is_the_sum_of_the_contributions(events in arb_events(0..30)) {
        let parsed: Vec<_> = events.iter().map(parse).collect();
        let totals = Totals::fold((0..).zip(&parsed));
        let sum = sum(&contributions(&events));
        prop_assert_eq!(totals.counts, sum.counts);
        prop_assert_eq!((totals.first_ts, totals.last_ts), (sum.first_ts, sum.last_ts));
        prop_assert_eq!((totals.first_start_ts, totals.first_change_ts), (sum.first_start_ts, sum.first_change_ts));
        prop_assert_eq!(totals.last_test, sum.last_test);
        prop_assert_eq!(totals.unique_paths, u64::try_from(sum.paths.len()).unwrap());
    }

    #[test]
    fn parts_never_exceed_their_whole(events in arb_events(0..30)) {
        let counts = sum(&contributions(&events)).counts;
        prop_assert_eq!(counts.events, u64::try_from(events.len()).unwrap());
        prop_assert!(counts.command_failures <= counts.commands);
        prop_assert!(counts.test_runs <= counts.verifications);
        prop_assert!(counts.manual_changes <= counts.changes && counts.attributed_changes <= counts.changes);
        prop_assert!(counts.ai_weight_doubled <= 2 * counts.attributed_weight);
    }
}
