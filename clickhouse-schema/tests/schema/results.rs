use clickhouse_schema::ResultContext;
use domain::signals::{Signals, Span};
use domain::testing::START_MILLIS;
use domain::{Event, Totals};
use proptest::test_runner::TestRunner;
use serde_json::json;
use uuid::Uuid;

use crate::store::{ORG, Store, arb_session, at, event, logged, prompt, session};

fn context() -> ResultContext {
    ResultContext {
        assessment: Some(Uuid::from_u128(0xa55e)),
        candidate_key: Some(Uuid::from_u128(0x4e1)),
        created_at: at(0),
        ended_at: None,
        version: 1,
        derived_at: at(0),
    }
}

#[tokio::test]
async fn sums_and_results_are_those_of_a_plain_fold() {
    let store = Store::start().await;
    let mut runner = TestRunner::default();
    for number in 0..40 {
        let name = format!("s{number}");
        let envelopes = arb_session(&mut runner, &name);
        let events = logged(ORG, &envelopes);
        // Twice and in another order: neither matters.
        store.log.append_events(&events).await.unwrap();
        store.log.append_events(&events.iter().rev().cloned().collect::<Vec<_>>()).await.unwrap();
        let events: Vec<(u64, &Event)> = events.iter().map(|one| (one.stored.seq, &one.stored.event)).collect();
        let expected = Totals::fold(events);
        let said = || serde_json::to_string(&envelopes).unwrap();
        assert_eq!(store.log.totals(&session(&name)).await.unwrap(), expected, "{}", said());

        let created_at = at(START_MILLIS - 5_000);
        let ended_at = (number % 2 == 0).then_some(at(START_MILLIS + 60_000 * number));
        let context = ResultContext { created_at, ended_at, ..context() };
        store.log.derive_results(&session(&name), &context).await.unwrap();
        let result = store.log.results(&session(&name)).await.unwrap().unwrap();
        assert_eq!(result.signals, Signals::of(&expected, Span { created_at, ended_at }), "{}", said());
        assert_eq!(result.context, context);
    }
}

#[tokio::test]
async fn late_events_are_in_the_next_result_and_the_newest_result_counts() {
    let store = Store::start().await;
    let s = session("s");
    assert_eq!(store.log.results(&s).await.unwrap(), None);
    let derive = async |version: u64, derived: i64| {
        let context = ResultContext { version, derived_at: at(derived), ended_at: Some(at(START_MILLIS)), ..context() };
        store.log.derive_results(&s, &context).await.unwrap();
        let result = store.log.results(&s).await.unwrap().unwrap();
        (result.context.version, result.signals.totals.counts.prompts, result.context.derived_at)
    };
    assert_eq!(derive(1, 10).await, (1, 0, at(10)));
    store.log.append_events(&logged(ORG, &[prompt("s", 0)])).await.unwrap();
    assert_eq!(derive(2, 20).await, (2, 1, at(20)));
    // Derived once more, with nothing new; and a straggler with an older version.
    assert_eq!(derive(3, 30).await, (3, 1, at(30)));
    assert_eq!(derive(2, 40).await, (3, 1, at(30)));
    store.run("OPTIMIZE TABLE session_results FINAL").await;
    assert_eq!(store.number("SELECT count() FROM session_results").await, 1);
    assert_eq!(derive(4, 50).await, (4, 1, at(50)));
}

#[tokio::test]
async fn the_last_test_is_by_time_and_then_by_order_of_arrival() {
    let store = Store::start().await;
    let test = |millis: i64, exit_code: Option<i64>| {
        event("s", "command", millis, json!({ "command": "npm test", "exitCode": exit_code }))
    };
    let events = [test(5, Some(0)), test(9, Some(0)), test(9, Some(1)), test(7, Some(0)), test(20, None)];
    store.log.append_events(&logged(ORG, &events)).await.unwrap();
    let last = store.log.totals(&session("s")).await.unwrap().last_test.unwrap();
    assert_eq!((last.ts, last.order, last.passed), (at(START_MILLIS + 9), 3, false));
}
