use clickhouse_schema::EntityRow;
use domain::testing::START_MILLIS;
use serde_json::json;

use crate::store::{ORG, Store, at, event, letter, logged, prompt, seqs, session};

const MONTH: i64 = 31 * 24 * 60 * 60 * 1000;

#[tokio::test]
async fn a_repeated_batch_is_there_once() {
    let store = Store::start().await;
    // Sessions of 150 months in one call, with client times that say something else again.
    let mut events: Vec<_> = (0..150).map(|n| prompt(&format!("s{n}"), n * MONTH)).collect();
    events.extend((0..20_001).map(|n| prompt("long", n % 7)));
    let mut events = logged(ORG, &events);
    for (n, logged) in (0..150).zip(&mut events) {
        logged.session_created_at = at(START_MILLIS - n * MONTH);
    }
    for _ in 0..3 {
        store.log.append_events(&events).await.unwrap();
        // The table itself, not the view: the tokens alone keep repeats out.
        assert_eq!(store.number("SELECT count() FROM events").await, 20_151);
    }
    // A repeat that is cut differently is collapsed by the view.
    store.log.append_events(&events[100..300]).await.unwrap();
    assert_eq!(store.number("SELECT count() FROM events_once").await, 20_151);
    assert_eq!(store.log.read_after(&session("long"), 20_000, 1_000).await.unwrap().len(), 151);
    assert_eq!(seqs(&store.log.read_after(&session("s149"), 0, 10).await.unwrap()), [150]);
}

#[tokio::test]
async fn what_may_have_been_cut_off_is_written_whatever_the_engine_remembers_and_is_there_once() {
    let store = Store::start().await;
    // As after a death between the note of a block and its rows: the note stands, the rows do not.
    let events = logged(ORG, &[prompt("s", 0), prompt("s", 1)]);
    store.log.append_events(&events).await.unwrap();
    store.run("ALTER TABLE events DELETE WHERE 1 SETTINGS mutations_sync = 2").await;
    store.log.append_events(&events).await.unwrap();
    assert_eq!(store.number("SELECT count() FROM events_once").await, 0, "taken for a repeat");
    for _ in 0..2 {
        store.log.without_memory().append_events(&events).await.unwrap();
        assert_eq!(store.number("SELECT count() FROM events_once").await, 2);
    }
}

#[tokio::test]
async fn the_time_that_clients_send_does_not_choose_the_partition() {
    let store = Store::start().await;
    let mut events: Vec<_> = (0..150).map(|n| prompt("s", -n * MONTH)).collect();
    events.push(event("s", "prompt", 0, json!({})));
    events[150]["ts"] = json!("9999-12-31T23:59:59.999Z");
    store.log.append_events(&logged(ORG, &events)).await.unwrap();
    assert_eq!(store.number("SELECT uniqExact(_partition_id) FROM events").await, 1);
    let all = store.log.read_after(&session("s"), 150, 10).await.unwrap();
    assert_eq!(all[0].event.ts.to_string(), "9999-12-31T23:59:59.999Z");
    let last = store.log.position_of(&session("s"), all[0].event.id).await.unwrap().unwrap();
    assert_eq!((last.ts.to_string().as_str(), last.seq), ("2299-12-31T23:59:59.999Z", 151));
}

#[tokio::test]
async fn of_two_arrivals_of_an_id_the_first_stays() {
    let store = Store::start().await;
    let both = |name: &str| {
        let first = event(name, "prompt", 0, json!({ "text": "first" }));
        let mut second = event(name, "command", 5, json!({ "command": "second" }));
        second["id"] = first["id"].clone();
        logged(ORG, &[first, second])
    };
    for (name, order) in [("forwards", [0, 1]), ("backwards", [1, 0])] {
        let both = both(name);
        for index in order {
            store.log.append_events(&both[index..=index]).await.unwrap();
        }
    }
    store.log.append_events(&both("together")).await.unwrap();
    for optimized in [false, true] {
        if optimized {
            store.run("OPTIMIZE TABLE events FINAL").await;
        }
        for name in ["forwards", "backwards", "together"] {
            let events = store.log.read_after(&session(name), 0, 10).await.unwrap();
            assert_eq!(events.len(), 1, "{name}");
            assert_eq!(events[0].event.data(), r#"{"text":"first"}"#, "{name}");
            let totals = store.log.totals(&session(name)).await.unwrap();
            assert_eq!((totals.counts.events, totals.counts.prompts, totals.counts.commands), (1, 1, 0), "{name}");
        }
    }
}

#[tokio::test]
async fn entities_and_dead_letters_are_kept_once_and_the_newest_state_counts() {
    let store = Store::start().await;
    let state = |version: u64, name: &str| EntityRow {
        org: ORG,
        kind: "assessment".to_owned(),
        id: "a".to_owned(),
        version,
        deleted: false,
        fields: vec![("name".to_owned(), name.to_owned()), ("tâg".to_owned(), String::new())],
        written_at: at(START_MILLIS),
    };
    let letter = letter(ORG, "s", b"\xff\x00{");
    for _ in 0..2 {
        store.log.append_entities(&[state(2, "new"), state(1, "old")]).await.unwrap();
        store.log.append_dead_letters(std::slice::from_ref(&letter)).await.unwrap();
    }
    assert_eq!(store.number("SELECT count() FROM entities FINAL").await, 1);
    let newest = "SELECT count() FROM entities FINAL WHERE fields['name'] = 'new' AND mapContains(fields, 'tâg')";
    assert_eq!(store.number(newest).await, 1);
    assert_eq!(store.number("SELECT count() FROM dead_letters WHERE hex(raw) = 'FF007B'").await, 1);
    store.log.append_events(&[]).await.unwrap();
}

#[tokio::test]
async fn rows_that_are_refused_alone_do_not_hold_up_the_others() {
    let store = Store::start().await;
    store.run("ALTER TABLE events ADD CONSTRAINT test CHECK kind != 'poison'").await;
    let kind_of = |n: i64| if [0, 333, 334, 999].contains(&n) { "poison" } else { "prompt" };
    let events: Vec<_> = (0..1000).map(|n| event("s", kind_of(n), n, json!({}))).collect();
    let events = logged(ORG, &events);
    for _ in 0..2 {
        assert!(store.log.append_events(&events).await.unwrap_err().blames_row());
        let refused = store.log.append_events_isolating(&events).await.unwrap();
        assert_eq!(refused.iter().map(|(index, _)| *index).collect::<Vec<_>>(), [0, 333, 334, 999]);
        assert!(refused[0].1.contains("469"), "{}", refused[0].1);
        assert_eq!(store.number("SELECT count() FROM events").await, 996);
    }
}
