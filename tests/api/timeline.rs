//! What happened in a session, read back.

use serde_json::{Value, json};

use crate::harness::{TestApp, event_at, eventually, shown};
use crate::playing::{START, candidate, ids, post_all, prompts, timeline};

#[tokio::test]
async fn a_timeline_is_sorted_by_time_then_by_arrival_and_read_page_by_page() {
    let app = TestApp::start().await;
    let (avocet, reviewer) = (candidate(&app).await, app.reviewer());
    let path = format!("/v1/sessions/{}/timeline", avocet.session);
    insta::assert_json_snapshot!("timeline_empty", shown(&reviewer.get(&path).await));
    // Seven at each of three times, arriving from the last to the first.
    let sent: Vec<_> =
        (0..21).map(|n| event_at(&avocet.session, START + (2 - n / 7) * 1000, "prompt", json!({"n": n}))).collect();
    for (number, events) in sent.chunks(4).enumerate() {
        post_all(&avocet, events).await;
        // Some of it goes to ClickHouse, the rest is in Redis still; what was acknowledged is always there.
        assert_eq!(timeline(&avocet, &avocet.session).await.len(), ((number + 1) * 4).min(21));
        if number % 2 == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        }
    }
    let mut expected = sent.clone();
    expected.sort_by_key(|event| event["ts"].as_str().unwrap().to_owned());
    for limit in [1, 3, 7, 21, 500] {
        let mut rows: Vec<Value> = Vec::new();
        loop {
            let after = rows.last().map(|row| format!("&after={}", row["id"].as_str().unwrap())).unwrap_or_default();
            let page = reviewer.get(&format!("{path}?limit={limit}{after}")).await.expect(200);
            let page_rows = page["events"].as_array().unwrap();
            rows.extend(page_rows.iter().cloned());
            assert_eq!(page["hasMore"], rows.len() < 21, "{limit}");
            assert!(page_rows.len() == limit || rows.len() == 21);
            if page["hasMore"] == false {
                break;
            }
        }
        assert_eq!(ids(&rows), ids(&expected), "{limit}");
    }
    let page = async |query: &str| {
        let page = reviewer.get(&format!("{path}?{query}")).await.expect(200);
        let numbers: Vec<_> =
            page["events"].as_array().unwrap().iter().map(|row| row["data"]["n"].as_u64().unwrap()).collect();
        numbers
    };
    assert_eq!(page("limit=0").await, [14]);
    assert_eq!(page("limit=-1").await, [14]);
    assert_eq!(page("limit=99999").await.len(), 21);
    assert_eq!(page("from=2026-04-01T10:00:01Z&to=2026-04-01T12:00:01%2B02:00").await, (7..14).collect::<Vec<_>>());
    assert_eq!(page("from=2026-04-01T10:00:01.001Z").await, (0..7).collect::<Vec<_>>());
    assert_eq!(page("to=2026-04-01T09:59:59.999Z").await, [0; 0]);
    let after = sent[16]["id"].as_str().unwrap();
    assert_eq!(page(&format!("after={after}&to=2026-04-01T10:00:00Z")).await, [17, 18, 19, 20]);
    assert_eq!(page(&format!("after={after}&limit=5")).await, [17, 18, 19, 20, 7]);
    for query in ["limit=x", "from=yesterday", "to=2026-04-01", "limit=99999999999999999999"] {
        reviewer.get(&format!("{path}?{query}")).await.refused(400, "invalid_query");
    }
    let dunlin = candidate(&app).await;
    let foreign = prompts(&dunlin.session, 1..=1);
    post_all(&dunlin, &foreign).await;
    for after in ["7", "00000000-0000-4000-8000-000000000000", foreign[0]["id"].as_str().unwrap()] {
        reviewer.get(&format!("{path}?after={after}")).await.refused(400, "unknown_position");
    }
    for route in ["timeline", "decisions", "signals", "cohort-stats"] {
        let path = format!("/v1/sessions/{}/{route}", avocet.session);
        dunlin.get(&path).await.refused(404, "not_found");
        app.other_org().await.get(&path).await.refused(404, "not_found");
        reviewer.get(&format!("/v1/sessions/no-such/{route}")).await.refused(404, "not_found");
        avocet.get(&path).await.expect(200);
    }
}

#[tokio::test]
async fn kinds_can_be_chosen_and_decisions_are_listed_by_time() {
    let app = TestApp::start().await;
    let avocet = candidate(&app).await;
    let path = format!("/v1/sessions/{}", avocet.session);
    insta::assert_json_snapshot!("decisions_none", shown(&avocet.get(&format!("{path}/decisions")).await));
    let decision = |seconds: i64, title: &str| {
        event_at(&avocet.session, START + seconds * 1000, "decision_event", json!({"title": title, "impactScore": 3}))
    };
    let first = [
        decision(9, "third"),
        event_at(&avocet.session, START, "tool_call", json!({})),
        event_at(&avocet.session, START, "tool_result", json!({})),
        event_at(&avocet.session, START, "prompt", json!({})),
        decision(1, "first"),
    ];
    post_all(&avocet, &first).await;
    eventually("ClickHouse to have them", async || {
        let query = format!("{}/?query=SELECT+count()+FROM+promptster.events", app.clickhouse_url());
        let count = reqwest::get(query).await.unwrap().text().await.unwrap();
        (count.trim() == "5").then_some(())
    })
    .await;
    post_all(&avocet, &[decision(1, "second")]).await;
    let decisions = avocet.get(&format!("{path}/decisions")).await;
    let titles: Vec<_> =
        decisions.body["decisions"].as_array().unwrap().iter().map(|row| &row["data"]["title"]).collect();
    assert_eq!(titles, ["first", "second", "third"]);
    insta::assert_json_snapshot!("decisions", shown(&decisions));
    for (query, n_rows) in [
        ("kind=tool_call", 2),
        ("kind=tool_result&kind=prompt", 3),
        ("kind=decision_event&limit=2", 2),
        ("kind=9%27%20or%201", 0),
        ("", 6),
    ] {
        let page = avocet.get(&format!("{path}/timeline?{query}")).await.expect(200);
        assert_eq!(page["events"].as_array().unwrap().len(), n_rows, "{query}");
        assert_eq!(page["hasMore"], query.ends_with("limit=2"), "{query}");
    }
}
