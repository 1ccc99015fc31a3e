//! The fields of an event at their limits, and what clients write there that is odd.

use serde_json::{Value, json};

use crate::harness::{Candidate, TestApp, event, wrong_fields};
use crate::playing::{candidate, now, session, statuses, timeline};

const INGEST: &str = "/v1/hooks/ingest";

/// Posts an event with these fields instead of the usual ones: recorded when `wrong` is empty, else refused with
/// exactly these names. The same by batch.
async fn check(avocet: &Candidate, kind: &str, rows: Vec<(Value, &[&str])>) {
    for (fields, wrong) in rows {
        let mut sent = event(&avocet.session, kind, json!({}));
        sent.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let shown = format!("{:.160}", fields.to_string());
        let batch = avocet.post("/v1/hooks/ingest/batch", json!({"events": [sent]})).await.expect(207);
        let reply = avocet.post(INGEST, sent).await;
        if wrong.is_empty() {
            assert_eq!((statuses(&batch["results"]), reply.status), (vec![201], 200), "{kind} {shown}: {}", reply.text);
            continue;
        }
        reply.refused(400, "validation_failed");
        assert_eq!(wrong_fields(&reply), wrong, "{kind} {shown}: {}", reply.text);
        let result = &batch["results"][0];
        assert_eq!((&result["status"], &result["details"]), (&json!(400), &reply.body["details"]), "{kind} {shown}");
    }
}

#[tokio::test]
async fn each_field_of_the_envelope_has_its_limits() {
    let app = TestApp::start().await;
    let avocet = candidate(&app).await;
    let soon = |ms: i64| now().plus_millis(ms).to_string();
    const DAY: i64 = 24 * 3_600_000;
    let word = |n: usize| "é".repeat(n);
    check(
        &avocet,
        "prompt",
        vec![
            (json!({"ts": soon(DAY - 60_000)}), &[]),
            (json!({"ts": soon(DAY + 60_000)}), &["ts"]),
            (json!({"ts": "1970-01-01T00:00:00Z"}), &[]),
            (json!({"ts": "1969-12-31T23:59:59.999999Z"}), &["ts"]),
            (json!({"ts": "2026-04-01T10:00:00.123456789+05:30"}), &[]),
            (json!({"ts": "2026-04-01 10:00:00Z"}), &[]),
            (json!({"ts": "2026-02-29T10:00:00Z"}), &["ts"]),
            (json!({"ts": 1_775_037_600}), &["ts"]),
            (json!({"kind": "k".repeat(64)}), &[]),
            (json!({"kind": "k".repeat(65)}), &["kind"]),
            (json!({"kind": "k\0"}), &["kind"]),
            (json!({"v": 1.0}), &[]),
            (json!({"v": 0}), &["v"]),
            (json!({"v": 1.5}), &["v"]),
            (json!({"v": "1"}), &["v"]),
            (json!({"source": word(128)}), &[]),
            (json!({"source": word(129)}), &["source"]),
            (json!({"source": ""}), &[]),
            (json!({"source": {}}), &[]),
            (json!({"source": {"channel": null, "integration": null, "emitter": null}}), &[]),
            (json!({"source": {"integration": word(128), "emitter": word(128)}}), &[]),
            (
                json!({"source": {"integration": word(129), "emitter": word(129)}}),
                &["source.emitter", "source.integration"],
            ),
            (json!({"source": []}), &["source"]),
            (json!({"actor": null, "provenance": null}), &[]),
            (json!({"actor": {}, "provenance": {}}), &[]),
            (json!({"actor": {"type": "human", "role": 7}}), &[]),
            (json!({"provenance": {"confidence": 0}}), &[]),
            (json!({"provenance": {"confidence": 1}}), &[]),
            (json!({"provenance": {"confidence": -0.001}}), &["provenance.confidence"]),
            (json!({"provenance": {"confidence": 1.001}}), &["provenance.confidence"]),
            (json!({"provenance": {"confidence": "0.5"}}), &["provenance.confidence"]),
            (
                json!({"rawPayload": "cut \u{fffd}", "relatedEventIds": ["x"], "sig": 7, "prevSig": [], "lane": null}),
                &[],
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn each_field_of_a_payload_with_rules_has_its_limits() {
    let app = TestApp::start().await;
    let avocet = candidate(&app).await;
    let data = |value: Value| json!({"data": value});
    check(
        &avocet,
        "command",
        vec![
            (data(json!({"command": ""})), &[]),
            (data(json!({"command": "a", "exitCode": i64::MIN, "durationMs": 0})), &[]),
            (data(json!({"command": "a", "exitCode": u64::MAX, "durationMs": 1e308})), &[]),
            (data(json!({"command": "a", "exitCode": null, "durationMs": null, "stdout": null, "human": null})), &[]),
            (
                data(json!({"command": "a", "exitCode": 0.5, "durationMs": -0.001})),
                &["data.durationMs", "data.exitCode"],
            ),
            (data(json!({"command": null})), &["data.command"]),
            (data(json!({"command": ["ls"]})), &["data.command"]),
        ],
    )
    .await;
    for kind in ["file_diff", "file_create"] {
        check(
            &avocet,
            kind,
            vec![
                (data(json!({"path": ""})), &[]),
                (data(json!({"path": "a", "linesAdded": 0})), &[]),
                (data(json!({"path": "a", "linesAdded": u64::MAX})), &[]),
                (data(json!({"path": "a", "linesAdded": 1e30})), &[]),
                (data(json!({"path": "a", "linesAdded": -1})), &["data.linesAdded"]),
                (data(json!({"path": "a", "linesAdded": 0.5})), &["data.linesAdded"]),
                (data(json!({})), &["data.path"]),
            ],
        )
        .await;
    }
    check(
        &avocet,
        "test_run",
        vec![
            (data(json!({"passed": 0, "failed": 0, "skipped": u64::MAX, "durationMs": 0.0})), &[]),
            (
                data(json!({"passed": -1, "failed": -1, "skipped": -1, "durationMs": -1})),
                &["data.durationMs", "data.failed", "data.passed", "data.skipped"],
            ),
        ],
    )
    .await;
    // Numbers beyond all sense leave the session readable, and its signals numbers.
    let signals = avocet.get(&format!("/v1/sessions/{}/signals", avocet.session)).await.expect(200);
    assert_eq!(signals["signals"]["commandFailCount"]["value"], 2, "{signals}");
    assert_eq!(signals["signals"]["fileChangeCount"]["value"], 8);
    assert_eq!(session(&avocet, &avocet.session).await["eventCount"], 13);
    assert_eq!(timeline(&avocet, &avocet.session).await.len(), 13);
}

#[tokio::test]
async fn an_id_is_the_same_in_every_spelling() {
    let app = TestApp::start().await;
    let avocet = candidate(&app).await;
    let mut sent = event(&avocet.session, "prompt", json!({}));
    let id = "0f8fad5b-d9cb-469f-a165-70867728950e";
    let spellings =
        [id.to_owned(), id.to_uppercase(), id.replace('-', ""), format!("urn:uuid:{id}"), format!("{{{id}}}")];
    for (nth, spelling) in spellings.iter().enumerate() {
        sent["id"] = json!(spelling);
        let reply = avocet.post(INGEST, sent.clone()).await;
        match nth {
            0 => assert_eq!(reply.expect(201), json!({"ok": true, "id": id})),
            _ => assert_eq!(reply.expect(200), json!({"ok": true, "skipped": true}), "{spelling}"),
        }
    }
    let rows = timeline(&avocet, &avocet.session).await;
    assert_eq!((rows.len(), &rows[0]["id"]), (1, &json!(id)));
    for any in [
        "00000000-0000-0000-0000-000000000000",
        "ffffffff-ffff-ffff-ffff-ffffffffffff",
        "0f8fad5b-d9cb-169f-a165-70867728950e",
    ] {
        sent["id"] = json!(any);
        avocet.post(INGEST, sent.clone()).await.expect(201);
    }
    for none in ["", "0f8fad5b-d9cb-469f-a165-70867728950", "0f8fad5b-d9cb-469f-a165-70867728950g", &format!(" {id}")] {
        sent["id"] = json!(none);
        assert_eq!(wrong_fields(&avocet.post(INGEST, sent.clone()).await), ["id"], "{none}");
    }
}

#[tokio::test]
async fn an_event_names_its_session_with_up_to_one_hundred_and_twenty_eight_symbols() {
    let app = TestApp::start().await;
    let assessment = app.assessment().await;
    for name in ["x".repeat(128), "A.b_c:d-9".to_owned(), "0".to_owned(), "..".to_owned()] {
        let key = app.keys(&assessment, 1).await.remove(0);
        let tool = app.api_key(key["key"].as_str().unwrap());
        tool.post(INGEST, event(&name, "prompt", json!({}))).await.expect(201);
        assert_eq!(tool.get("/v1/sessions").await.expect(200)["sessions"][0]["id"], name.as_str());
    }
    let avocet = app.candidate(&assessment).await;
    for name in ["", "x/y", "x y", "x\0", "x%20", "é", &"x".repeat(129)] {
        let reply = avocet.post(INGEST, event(name, "prompt", json!({}))).await;
        assert_eq!((reply.status, wrong_fields(&reply)), (400, vec!["sessionId".to_owned()]), "{name}");
    }
}

#[tokio::test]
async fn what_a_payload_says_comes_back_as_it_was_written() {
    let app = TestApp::start().await;
    let avocet = candidate(&app).await;
    let payloads = [
        r#"{"a":1,"a":2,"text":"twice"}"#,
        r#"{"n":[1e999,-1E+999,1e-999,123456789012345678901234567890,0.1000,-0,1E2]}"#,
        r#"{"text":"\ud800 and \udc00\ud83e","\udfff":1}"#,
        r#"{"text":"\u0000\u001f\u007f\u2028\/","":"","__proto__":null}"#,
        r#"{ "blanks" :	[ ] , "o":{ } }"#,
        "{\"text\":\"\u{1f980}\u{feff}\u{202e}\u{ffff}\"}",
        r#"{"toString":"\"}]\\","events":[],"seq":99,"orgId":"x"}"#,
    ];
    for data in payloads {
        let mut sent = event(&avocet.session, "prompt", json!({})).to_string();
        assert!(sent.ends_with("\"data\":{}}"));
        sent.truncate(sent.len() - 3);
        let sent = format!("{sent}{data}}}");
        avocet.post_bytes(INGEST, sent.clone()).await.expect(201);
        let batch = format!(r#"{{"events":[{sent}]}}"#);
        let repeated = avocet.post_bytes("/v1/hooks/ingest/batch", batch).await.expect(207);
        assert_eq!(statuses(&repeated["results"]), [200], "{data}");
    }
    let shown = avocet.get(&format!("/v1/sessions/{}/timeline", avocet.session)).await;
    for data in payloads {
        assert!(shown.text.contains(&format!(r#""data":{data},"#)), "{data}\n{}", shown.text);
    }
    // A member of the envelope that is there twice would be one thing to one reader and another to the next.
    for twice in [r#""kind":"prompt""#, r#""id":"0f8fad5b-d9cb-469f-a165-70867728950e""#, r#""data":{}"#] {
        let sent = event(&avocet.session, "prompt", json!({})).to_string();
        let reply = avocet.post_bytes(INGEST, format!("{},{twice}}}", &sent[..sent.len() - 1])).await;
        reply.refused(400, "validation_failed");
        assert_eq!(reply.body["details"][0]["code"], "duplicate_field", "{twice}");
    }
    assert_eq!(session(&avocet, &avocet.session).await["eventCount"], payloads.len());
}

#[tokio::test]
async fn a_member_of_a_batch_may_nest_as_deep_as_an_event_alone() {
    let app = TestApp::start().await;
    let avocet = candidate(&app).await;
    let nested = |depth: usize| {
        let mut sent = event(&avocet.session, "prompt", json!({})).to_string();
        sent.truncate(sent.len() - 2);
        format!("{sent}\"deep\":{}{}}}}}", "[".repeat(depth - 2), "]".repeat(depth - 2))
    };
    avocet.post_bytes(INGEST, nested(64)).await.expect(201);
    avocet.post_bytes(INGEST, nested(65)).await.refused(400, "invalid_json");
    let batch = format!(r#"{{"events":[{},{}]}}"#, nested(64), nested(3));
    let taken = avocet.post_bytes("/v1/hooks/ingest/batch", batch).await.expect(207);
    assert_eq!(statuses(&taken["results"]), [201, 201]);
    // One that is deeper is refused alone.
    for depth in [65, 100, 10_000] {
        let batch = format!(r#"{{"events":[{},{},{}]}}"#, nested(3), nested(depth), nested(3));
        let taken = avocet.post_bytes("/v1/hooks/ingest/batch", batch).await.expect(207);
        assert_eq!(statuses(&taken["results"]), [201, 400, 201], "{depth}");
        assert_eq!(taken["results"][1]["code"], "invalid_json", "{depth}");
    }
}
