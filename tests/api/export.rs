//! A session as a file.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Candidate, TestApp, User, event, event_at};
use crate::playing::{START, candidate, post_all, timeline};

fn path(of: &Candidate, format: &str) -> String {
    format!("/v1/sessions/{}/export?format={format}", of.session)
}

async fn lines(user: &User, of: &Candidate) -> Vec<Value> {
    let reply = user.get(&path(of, "ndjson")).await;
    assert_eq!((reply.status, reply.header("content-type")), (200, "application/x-ndjson"));
    assert!(reply.text.ends_with('\n'));
    reply.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

async fn read(user: &User, of: &Candidate, what: &str) -> Value {
    user.get(&format!("/v1/sessions/{}{what}", of.session)).await.expect(200)
}

/// A candidate whose events have several kinds and arrive against the order of their times.
async fn busy(app: &TestApp) -> (Candidate, Vec<Value>) {
    let avocet = candidate(app).await;
    let kinds = [
        ("prompt", json!({"text": "größe\u{2028}\n"})),
        ("command", json!({"command": "=cmd|' /C calc'!A0", "exitCode": 1})),
        ("file_diff", json!({"path": "-src/a.rs", "linesAdded": 3, "linesRemoved": 1, "diff": "x".repeat(40_000)})),
        ("test_run", json!({"passed": 3, "failed": 0})),
    ];
    let sent: Vec<Value> = (0..40)
        .map(|n| {
            let (kind, data) = &kinds[n % kinds.len()];
            event_at(&avocet.session, START + 60_000 - i64::try_from(n).unwrap() * 1000, kind, data.clone())
        })
        .collect();
    post_all(&avocet, &sent).await;
    (avocet, sent)
}

#[tokio::test]
async fn lines_hold_the_session_every_event_as_it_was_sent_and_what_follows() {
    let app = TestApp::start().await;
    let ((avocet, mut sent), reviewer) = (busy(&app).await, app.reviewer());
    // Not in one line, and with a spelling that no writer of ours has.
    let spelled =
        event(&avocet.session, "prompt", json!({"n": 1.5})).to_string().replacen('{', "{\r\n\t\"x\" : 1.50e1,", 1);
    avocet.post_bytes("/v1/hooks/ingest", spelled.clone()).await.expect(201);
    sent.push(serde_json::from_str(&spelled).unwrap());

    let running = lines(&reviewer, &avocet).await;
    let types: Vec<_> = running.iter().map(|line| line["type"].as_str().unwrap()).collect();
    assert_eq!(types, [vec!["session"], vec!["event"; 41], vec!["scores", "end"]].concat());

    avocet.complete().await.expect(200);
    reviewer
        .post(&format!("/v1/sessions/{}/scores", avocet.session), json!([{"dimension": "a", "score": 4}]))
        .await
        .expect(201);
    let lines = lines(&reviewer, &avocet).await;
    let of_type = |kind: &str| lines.iter().filter(|line| line["type"] == kind).cloned().collect::<Vec<_>>();
    let [head] = of_type("session").try_into().unwrap();
    assert_eq!((&head["exportV"], &head["session"]), (&json!(1), &read(&reviewer, &avocet, "").await["session"]));
    assert_eq!(head["signals"], read(&reviewer, &avocet, "/signals").await["signals"]);
    let events = of_type("event");
    let mut rows = timeline(&reviewer, &avocet.session).await;
    rows.sort_by_key(|row| row["seq"].as_u64());
    assert_eq!(events.len(), rows.len());
    for ((number, line), row) in (1..).zip(&events).zip(&rows) {
        assert_eq!(
            (line["seq"].as_u64(), &line["seq"], &line["receivedAt"]),
            (Some(number), &row["seq"], &row["receivedAt"])
        );
        assert_eq!((&line["event"]["id"], &line["sigVerified"]), (&row["id"], &row["sigVerified"]));
    }
    for event in &sent {
        assert!(events.iter().any(|line| &line["event"] == event), "{event}");
    }
    let text = reviewer.get(&path(&avocet, "ndjson")).await.text;
    assert!(text.contains(r#"{  	"x" : 1.50e1,"#), "an envelope is spelled as it was");
    let [scores] = of_type("scores").try_into().unwrap();
    let shown = read(&reviewer, &avocet, "/scores").await;
    assert_eq!((&scores["scores"], &scores["prompterScore"]), (&shown["scores"], &shown["prompterScore"]));
    let artifacts: Vec<_> = of_type("artifact").iter().map(|line| line["artifact"].clone()).collect();
    assert_eq!(
        (json!(artifacts), artifacts.len()),
        (read(&reviewer, &avocet, "/artifacts").await["artifacts"].clone(), 6)
    );
    assert_eq!(lines.last().unwrap(), &json!({"type": "end", "eventCount": events.len()}));
}

#[tokio::test]
async fn one_object_holds_the_same() {
    let app = TestApp::start().await;
    let ((avocet, _), reviewer) = (busy(&app).await, app.reviewer());
    avocet.complete().await.expect(200);
    let reply = reviewer.get(&path(&avocet, "json")).await;
    assert_eq!(reply.header("content-type"), "application/json");
    let whole = reply.expect(200);
    let mut rows = timeline(&reviewer, &avocet.session).await;
    rows.sort_by_key(|row| row["seq"].as_u64());
    let shown = read(&reviewer, &avocet, "/scores").await;
    let expected = json!({
        "exportV": 1,
        "session": read(&reviewer, &avocet, "").await["session"],
        "signals": read(&reviewer, &avocet, "/signals").await["signals"],
        "events": rows,
        "scores": shown["scores"],
        "prompterScore": shown["prompterScore"],
        "artifacts": read(&reviewer, &avocet, "/artifacts").await["artifacts"],
        "eventCount": rows.len(),
    });
    assert_eq!(whole, expected);

    let idle = candidate(&app).await;
    let empty = reviewer.get(&path(&idle, "json")).await.expect(200);
    assert_eq!((&empty["events"], &empty["artifacts"], &empty["eventCount"]), (&json!([]), &json!([]), &json!(0)));
    let empty = lines(&reviewer, &idle).await;
    assert_eq!(empty.last().unwrap(), &json!({"type": "end", "eventCount": 0}));
}

#[tokio::test]
async fn rows_are_for_spreadsheets_and_no_cell_is_a_formula() {
    let app = TestApp::start().await;
    let ((avocet, sent), reviewer) = (busy(&app).await, app.reviewer());
    let reply = reviewer.get(&path(&avocet, "csv")).await;
    assert_eq!(reply.header("content-type"), "text/csv; charset=utf-8; header=present");
    let name = format!("attachment; filename=\"session-{}.csv\"", avocet.session);
    assert_eq!(reply.header("content-disposition"), name);
    let mut reader = csv::Reader::from_reader(reply.text.as_bytes());
    let columns = reader.headers().unwrap().clone();
    assert_eq!(columns.iter().collect::<Vec<_>>(), domain::export::COLUMNS);
    let records: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(records.len(), sent.len());
    let cell = |record: &csv::StringRecord, name: &str| {
        record[columns.iter().position(|column| column == name).unwrap()].to_owned()
    };
    for ((number, record), event) in (1..).zip(&records).zip(&sent) {
        assert_eq!(
            (cell(record, "seq"), cell(record, "id")),
            (number.to_string(), event["id"].as_str().unwrap().to_owned())
        );
        assert_eq!(serde_json::from_str::<Value>(&cell(record, "data")).unwrap(), event["data"]);
        for text in record.iter().filter(|text| text.parse::<f64>().is_err()) {
            assert!(!text.starts_with(['=', '+', '-', '@', '\t', '\r']), "{text}");
        }
    }
    assert_eq!(cell(&records[1], "command"), "'=cmd|' /C calc'!A0");
    assert_eq!(cell(&records[2], "path"), "'-src/a.rs");
}

#[tokio::test]
async fn the_form_is_one_of_three_and_only_reviewers_have_it() {
    let app = TestApp::start().await;
    let (avocet, reviewer) = (candidate(&app).await, app.reviewer());
    for wrong in ["xml", "NDJSON", "csv2"] {
        let reply = reviewer.get(&path(&avocet, wrong)).await;
        reply.refused(400, "invalid_query");
        assert!(reply.text.contains("format") && reply.text.contains("ndjson, csv, json"), "{}", reply.text);
    }
    let unsaid = reviewer.get(&format!("/v1/sessions/{}/export", avocet.session)).await;
    assert_eq!((unsaid.status, unsaid.header("content-type")), (200, "application/x-ndjson"));
    avocet.get(&path(&avocet, "csv")).await.refused(403, "reviewer_only");
    app.other_org().await.get(&path(&avocet, "csv")).await.refused(404, "not_found");
    let odd = json!({"id": "a:b.c"});
    reviewer.post("/v1/sessions", odd).await.expect(201);
    let named = reviewer.get("/v1/sessions/a:b.c/export?format=json").await;
    assert_eq!(named.header("content-disposition"), "attachment; filename=\"session-a_b.c.json\"");
    assert_eq!(named.expect(200)["events"], json!([]));
}

#[tokio::test]
async fn an_export_of_a_session_that_is_erased_meanwhile_is_cut_off() {
    let app = TestApp::start().await;
    let (avocet, reviewer) = (candidate(&app).await, app.reviewer());
    let text = "x".repeat(64 * 1024);
    let sent: Vec<Value> = (0..300).map(|n| event(&avocet.session, "prompt", json!({"n": n, "text": text}))).collect();
    for part in sent.chunks(50) {
        post_all(&avocet, part).await;
    }
    let whole = reviewer.get(&path(&avocet, "ndjson")).await.text;
    assert_eq!(whole.lines().filter(|line| line.starts_with(r#"{"type":"event""#)).count(), 300);
    assert!(whole.ends_with("{\"type\":\"end\",\"eventCount\":300}\n"));

    let mut reply = reviewer.request(Method::GET, &path(&avocet, "ndjson")).send().await.unwrap();
    assert_eq!(reply.status(), 200);
    let mut got = reply.chunk().await.unwrap().unwrap().to_vec();
    reviewer.delete(&format!("/v1/sessions/{}", avocet.session)).await.expect(200);
    let broken = loop {
        match reply.chunk().await {
            Ok(Some(more)) => got.extend_from_slice(&more),
            Ok(None) => break false,
            Err(_) => break true,
        }
    };
    assert!(broken, "whoever reads it learns that something is missing");
    assert!(got.len() < whole.len() && !String::from_utf8_lossy(&got).contains(r#""type":"end""#));
}
