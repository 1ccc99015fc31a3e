//! Events by HTTP, one at a time.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::harness::{TestApp, event, event_at, eventually, shown, wrong_fields};
use crate::playing::{candidate, refused_for_now, session, statuses, timeline};

const INGEST: &str = "/v1/hooks/ingest";

#[tokio::test]
async fn an_event_is_taken_once_and_shown_as_it_came() {
    let app = TestApp::start().await;
    let avocet = candidate(&app).await;
    let data = r#"{ "b" : 1.50, "a":"\u00e4\u0000<", "big":18446744073709551616, "z":-0.0,"none":null ,"":[ ]}"#;
    let raw = format!(
        r#" {{"v":1, "id":"01234567-89AB-4def-8123-456789abcdef","sessionId":"{}","kind":"tool_call",
        "ts":"2026-04-01T12:00:00.1239+02:00","source":"cursor","actor":{{"type":"robot","role":"x"}},
        "provenance":{{"attribution":"new_word","confidence":1,"methods":[]}},"sig":"00","lane":7,"data":{data}}}"#,
        avocet.session
    );
    insta::assert_json_snapshot!("ingest_recorded", shown(&avocet.post_bytes(INGEST, raw.clone()).await));
    insta::assert_json_snapshot!("ingest_repeated", shown(&avocet.post_bytes(INGEST, raw).await));
    let reply = avocet.get(&format!("/v1/sessions/{}/timeline", avocet.session)).await;
    assert!(reply.text.contains(&format!(r#""data":{data},"#)), "not the bytes that were sent: {}", reply.text);
    insta::assert_json_snapshot!("timeline_of_one", shown(&reply));

    for (source, channel) in [("codex", "hook"), ("cli", "cli"), ("terminal", "terminal"), ("own tool", "unknown")] {
        let mut event = event(&avocet.session, "prompt", json!({}));
        event["source"] = json!(source);
        avocet.post(INGEST, event).await.expect(201);
        let rows = timeline(&avocet, &avocet.session).await;
        let expected = json!({"channel": channel, "integration": source, "emitter": "unknown"});
        assert_eq!(rows.last().unwrap()["source"], expected);
    }
    let mut bare = event(&avocet.session, "prompt", json!({"prompt": "in place of text"}));
    bare["source"] = json!({"channel": "pigeon"});
    avocet.post(INGEST, bare).await.expect(201);
    let rows = timeline(&avocet, &avocet.session).await;
    let row = rows.last().unwrap();
    assert_eq!(row["source"], json!({"channel": "unknown", "integration": "unknown", "emitter": "unknown"}));
    assert_eq!((&row["actor"], &row["sigVerified"]), (&json!({"type": "unknown"}), &Value::Null));
    let provenance = json!({"attribution": "unknown", "confidence": 0.5, "observability": "partial"});
    assert_eq!(row["provenance"], provenance);
}

#[tokio::test]
async fn kinds_are_taken_with_their_payloads_and_unknown_ones_with_any() {
    let app = TestApp::start().await;
    let avocet = candidate(&app).await;
    let loose = ["prompt", "ai_response", "file_delete", "build_run", "decision_event", "session_start", "tool_use"];
    let loose = loose.into_iter().chain(["tool_result", "planning", "mcp_call", "editor_focus", "windowUsage", "x_9"]);
    for kind in loose {
        avocet.ingest(kind, json!({"text": 7, "path": [], "title": {}, "impactScore": "high"})).await.expect(201);
    }
    let command =
        json!({"command": "ls", "exitCode": null, "durationMs": 1.5, "human": true, "source": "x", "more": 1});
    let diff = json!({"path": "", "diff": "", "linesAdded": 0, "linesRemoved": 3});
    for (kind, data) in [
        ("command", command),
        ("file_diff", diff),
        ("file_create", json!({"path": "a", "content": "", "sizeBytes": 0})),
        ("test_run", json!({})),
        ("git_action", json!({"action": "commit", "ref": "main"})),
        ("checkpoint", json!({"label": "x"})),
    ] {
        avocet.ingest(kind, data).await.expect(201);
    }
    for (path, kinds) in [("kind=tool_call&kind=x_9", 2), ("kind=windowUsage", 1), ("kind=nothing", 0)] {
        let page = avocet.get(&format!("/v1/sessions/{}/timeline?{path}", avocet.session)).await.expect(200);
        assert_eq!(page["events"].as_array().unwrap().len(), kinds, "{path}");
    }

    let strict = TestApp::with(&["--strict-kinds"]).await;
    let dunlin = candidate(&strict).await;
    dunlin.ingest("tool_call", json!({})).await.expect(201);
    let refused = dunlin.ingest("editor_focus", json!({})).await;
    refused.refused(400, "validation_failed");
    assert_eq!(
        (&refused.body["details"][0]["code"], wrong_fields(&refused)),
        (&json!("unknown_kind"), vec!["kind".into()])
    );
}

#[tokio::test]
async fn every_field_that_is_wrong_is_named() {
    let app = TestApp::start().await;
    let avocet = candidate(&app).await;
    let check = async |kind: &str, changes: Value, expected: &[&str]| {
        let mut event = event(&avocet.session, kind, json!({}));
        event.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        let reply = avocet.post(INGEST, event).await;
        reply.refused(400, "validation_failed");
        assert_eq!(wrong_fields(&reply), expected, "{kind} {changes}");
    };
    for name in ["id", "sessionId", "ts", "kind", "source", "v", "data"] {
        check("prompt", json!({(name): null}), &[name]).await;
        check("prompt", json!({(name): true}), &[name]).await;
    }
    check("prompt", json!({"id": "7"}), &["id"]).await;
    for session in ["", "a b", "ä", &"x".repeat(129)] {
        check("prompt", json!({"sessionId": session}), &["sessionId"]).await;
    }
    for ts in ["yesterday", "2026-04-01T10:00:00", "2026-04-01", "9999-01-01T00:00:00Z", "1969-12-31T23:59:59Z"] {
        check("prompt", json!({"ts": ts}), &["ts"]).await;
    }
    for kind in ["", "9a", "a-b", &"k".repeat(65)] {
        check(kind, json!({}), &["kind"]).await;
    }
    check("prompt", json!({"v": 2}), &["v"]).await;
    check("prompt", json!({"data": []}), &["data"]).await;
    check(
        "prompt",
        json!({"source": {"channel": 1, "integration": [], "emitter": "x".repeat(129)}}),
        &["source.channel", "source.emitter", "source.integration"],
    )
    .await;
    check("prompt", json!({"actor": "ai"}), &["actor"]).await;
    check(
        "prompt",
        json!({"actor": {"type": 1}, "provenance": {"confidence": 1.01}}),
        &["actor.type", "provenance.confidence"],
    )
    .await;
    check(
        "prompt",
        json!({"provenance": {"attribution": 1, "observability": 2, "confidence": "x"}}),
        &["provenance.attribution", "provenance.confidence", "provenance.observability"],
    )
    .await;
    let command = json!({"exitCode": 1.5, "durationMs": -1, "stdout": 1, "stderr": [], "human": "yes", "source": {}});
    check(
        "command",
        json!({"data": command}),
        &[
            "data.command",
            "data.durationMs",
            "data.exitCode",
            "data.human",
            "data.source",
            "data.stderr",
            "data.stdout",
        ],
    )
    .await;
    let diff = json!({"diff": 1, "linesAdded": -1, "linesRemoved": "3"});
    check("file_diff", json!({"data": diff}), &["data.diff", "data.linesAdded", "data.linesRemoved", "data.path"])
        .await;
    check(
        "file_create",
        json!({"data": {"path": 1, "content": 1, "sizeBytes": -1}}),
        &["data.content", "data.path", "data.sizeBytes"],
    )
    .await;
    let run = json!({"suite": 1, "passed": -1, "failed": 0.5, "skipped": "", "durationMs": "1"});
    check(
        "test_run",
        json!({"data": run}),
        &["data.durationMs", "data.failed", "data.passed", "data.skipped", "data.suite"],
    )
    .await;
    check(
        "git_action",
        json!({"data": {"ref": 1, "message": 2, "commit": 3}}),
        &["data.action", "data.commit", "data.message", "data.ref"],
    )
    .await;
    check(
        "checkpoint",
        json!({"data": {"label": 1, "trigger": 1, "summary": 1}}),
        &["data.label", "data.summary", "data.trigger"],
    )
    .await;
    let mut wrong = event(&avocet.session, "command", json!({"exitCode": "0"}));
    wrong["ts"] = json!("noon");
    insta::assert_json_snapshot!("ingest_wrong", shown(&avocet.post(INGEST, wrong).await));
    assert_eq!(session(&avocet, &avocet.session).await["eventCount"], 0);

    let ahead = std::time::SystemTime::now() + std::time::Duration::from_secs(23 * 3600);
    let ahead = i64::try_from(ahead.duration_since(std::time::UNIX_EPOCH).unwrap().as_millis()).unwrap();
    for millis in [0, ahead] {
        avocet.post(INGEST, event_at(&avocet.session, millis, "prompt", json!({}))).await.expect(201);
    }
}

#[tokio::test]
async fn only_the_session_of_the_credential_is_written_to() {
    let app = TestApp::start().await;
    let (avocet, dunlin) = (candidate(&app).await, candidate(&app).await);
    let sent = |session: &str| event(session, "prompt", json!({}));
    app.anonymous().post(INGEST, sent(&avocet.session)).await.refused(401, "unauthorized");
    app.api_key("nobody").post(INGEST, sent(&avocet.session)).await.refused(401, "unauthorized");
    app.api_key("PST-AAAA-AAAA").post(INGEST, sent(&avocet.session)).await.refused(401, "unauthorized");
    app.reviewer().post(INGEST, sent(&avocet.session)).await.refused(403, "candidate_only");
    for session in [dunlin.session.as_str(), "no-such-session"] {
        avocet.post(INGEST, sent(session)).await.refused(403, "session_mismatch");
    }
    for credential in [&avocet.key, &avocet.key.to_lowercase(), &avocet.token] {
        app.api_key(credential).post(INGEST, sent(&avocet.session)).await.expect(201);
    }
    let path = format!("/v1/assessments/{}/keys/{}", avocet.assessment, avocet.key_id);
    app.reviewer().delete(&path).await.expect(200);
    for credential in [&avocet.key, &avocet.token] {
        app.api_key(credential).post(INGEST, sent(&avocet.session)).await.refused(401, "unauthorized");
    }
    dunlin.ingest("prompt", json!({})).await.expect(201);
}

#[tokio::test]
async fn a_key_that_was_never_redeemed_is_redeemed_by_its_first_event() {
    let app = TestApp::start().await;
    let assessment = app.assessment().await;
    let key = app.keys(&assessment, 1).await.remove(0);
    let tool = app.api_key(key["key"].as_str().unwrap());
    tool.post(INGEST, json!({"sessionId": "wrong-event"})).await.refused(400, "validation_failed");
    // Two tools at once, each with a session of its own: one of the two names becomes the session.
    let posts = (0..20).map(|n| {
        let (tool, session) = (&tool, if n % 2 == 0 { "own:a.1" } else { "own:b.1" });
        async move { (session, tool.post(INGEST, event(session, "prompt", json!({}))).await) }
    });
    let replies = join_all(posts).await;
    let taken: Vec<_> = replies.iter().filter(|(_, reply)| reply.status == 201).map(|(session, _)| *session).collect();
    assert_eq!(taken.len(), 10, "{replies:?}");
    assert!(taken.iter().all(|session| *session == taken[0]), "{taken:?}");
    for (_, reply) in replies.iter().filter(|(_, reply)| reply.status != 201) {
        reply.refused(403, "session_mismatch");
    }
    let keys = app.reviewer().get(&format!("/v1/assessments/{assessment}/keys")).await.expect(200);
    assert_eq!((&keys["keys"][0]["status"], &keys["keys"][0]["sessionId"]), (&json!("redeemed"), &json!(taken[0])));
    let listed = app.reviewer().get("/v1/sessions").await.expect(200);
    assert_eq!((&listed["total"], &listed["sessions"][0]["id"]), (&json!(1), &json!(taken[0])));
    let made = session(&tool, taken[0]).await;
    assert_eq!((&made["assessmentId"], &made["candidateKeyId"]), (&json!(assessment), &key["id"]));
    assert_eq!((&made["eventCount"], &made["status"]), (&json!(10), &json!("active")));

    let asks = TestApp::with(&["--require-consent-for-ingest", "true"]).await;
    let key = asks.keys(&asks.assessment().await, 1).await.remove(0)["key"].clone();
    let tool = asks.api_key(key.as_str().unwrap());
    tool.post(INGEST, event("s", "prompt", json!({}))).await.refused(403, "consent_required");
    asks.anonymous().post("/v1/candidate/consent", json!({"key": key})).await.expect(200);
    tool.post(INGEST, event("s", "prompt", json!({}))).await.expect(201);
}

#[tokio::test]
async fn of_fifty_equal_events_at_once_one_is_recorded() {
    let app = TestApp::start().await;
    let avocet = candidate(&app).await;
    for n_copies in [50, 50] {
        let sent = event(&avocet.session, "prompt", json!({"text": "once"}));
        let replies = join_all((0..n_copies).map(|_| avocet.post(INGEST, sent.clone()))).await;
        let mut recorded = 0;
        for reply in replies {
            match reply.status {
                201 => recorded += 1,
                _ => assert_eq!(reply.expect(200), json!({"ok": true, "skipped": true})),
            }
        }
        assert_eq!(recorded, 1);
    }
    let rows = timeline(&avocet, &avocet.session).await;
    assert_eq!(rows.len(), 2);
    let other = candidate(&app).await;
    let mut same_id = event(&other.session, "prompt", json!({}));
    same_id["id"] = rows[0]["id"].clone();
    other.post(INGEST, same_id).await.expect(201);
}

#[tokio::test]
async fn what_comes_after_the_end_is_taken_for_a_while_and_then_skipped() {
    let app = TestApp::start().await;
    let avocet = candidate(&app).await;
    avocet.ingest("prompt", json!({})).await.expect(201);
    avocet.complete().await.expect(200);
    for credential in [&avocet.key, &avocet.token] {
        let late = event(&avocet.session, "prompt", json!({}));
        app.api_key(credential).post(INGEST, late).await.expect(201);
    }
    assert_eq!(session(&app.reviewer(), &avocet.session).await["eventCount"], 3);

    let app = TestApp::with(&["--late-event-grace-secs", "0"]).await;
    let dunlin = candidate(&app).await;
    dunlin.ingest("prompt", json!({})).await.expect(201);
    dunlin.complete().await.expect(200);
    for credential in [&dunlin.key, &dunlin.token] {
        let (tool, session) = (app.api_key(credential), dunlin.session.as_str());
        let skipped = eventually("the grace to pass", async || {
            let reply = tool.post(INGEST, event(session, "prompt", json!({}))).await;
            Some(reply).filter(|reply| reply.status == 200)
        });
        let expected = json!({"ok": true, "skipped": true, "reason": "session_ended"});
        assert_eq!(skipped.await.expect(200), expected);
        let batch = json!({"events": [event(session, "prompt", json!({})), {"id": 1}]});
        let batch = tool.post("/v1/hooks/ingest/batch", batch).await.expect(207);
        assert_eq!((statuses(&batch["results"]), &batch["accepted"]), (vec![200, 400], &json!(1)));
        assert_eq!(batch["results"][0]["reason"], "session_ended");
        let mut socket = tool.connect("/v1/stream").await.expect("late tools are heard");
        socket.next_of("hello").await;
        socket.send(json!({"type": "event", "event": event(session, "prompt", json!({}))})).await;
        let ack = socket.next_of("ack").await;
        assert_eq!(
            (&ack["results"][0]["status"], &ack["results"][0]["reason"]),
            (&json!(200), &json!("session_ended"))
        );
    }
    // A token opens nothing else any more.
    dunlin.get(&format!("/v1/sessions/{}", dunlin.session)).await.refused(401, "unauthorized");
    let rows = timeline(&app.reviewer(), &dunlin.session).await;
    assert_eq!(session(&app.reviewer(), &dunlin.session).await["eventCount"], rows.len());
}

#[tokio::test]
async fn a_budget_counts_the_events_of_a_key_and_nothing_else() {
    let app = TestApp::with(&["--ingest-per-minute", "1", "--ingest-burst", "5"]).await;
    let (avocet, dunlin) = (candidate(&app).await, candidate(&app).await);
    for left in (0..5).rev() {
        let reply = avocet.ingest("prompt", json!({})).await;
        assert_eq!((reply.status, reply.header("x-ratelimit-remaining")), (201, left.to_string().as_str()));
        assert_eq!(reply.header("x-ratelimit-limit"), "1");
    }
    let refused = avocet.ingest("prompt", json!({})).await;
    refused_for_now(&refused, 429, "rate_limited");
    assert_eq!(refused.header("x-ratelimit-remaining"), "0");
    // Both credentials of a key have one budget.
    let by_key = app.api_key(&avocet.key).post(INGEST, event(&avocet.session, "prompt", json!({}))).await;
    refused_for_now(&by_key, 429, "rate_limited");
    assert_eq!(session(&avocet, &avocet.session).await["eventCount"], 5);

    let events: Vec<_> = (0..8).map(|_| event(&dunlin.session, "prompt", json!({}))).collect();
    let reply = dunlin.post("/v1/hooks/ingest/batch", json!({"events": events})).await.expect(207);
    assert_eq!(statuses(&reply["results"]), [201, 201, 201, 201, 201, 429, 429, 429]);
    assert_eq!((&reply["accepted"], &reply["rejected"]), (&json!(5), &json!(3)));
    assert_eq!(reply["results"][7]["id"], events[7]["id"]);
    let again = dunlin.post("/v1/hooks/ingest/batch", json!({"events": events})).await;
    assert!(again.header("retry-after").parse::<u64>().unwrap() >= 1);
    assert_eq!(statuses(&again.expect(207)["results"]), [429; 8], "each member is answered, whatever is left");
    assert_eq!(timeline(&dunlin, &dunlin.session).await.len(), 5);
}
