//! The vectors of the contract, as a client sends them, and signatures that are none.

use domain::testing::Signer;
use serde_json::{Value, json};

use crate::harness::{Candidate, TestApp, User, event};
use crate::playing::{arrivals, candidate};

const INGEST: &str = "/v1/hooks/ingest";
const PUBLIC: &str = "hODy2kSvK+MIedYsG8mcMUe73GGNDQvyzytAq8NNPiU=";
const SIG_1: &str = "39375331ee604f6dd11cd975b0a00ccb2894feebb8b82dcc98316e1b88997d60934c33322c4481d3b593a8c4667460cd93db0660514424288e3b3caa257fe90f";
const HASH_1: &str = "b014fca3532b8642cbdf4259a0a33b7f24e477d6cc2cc57bd05f7ea7ec867dc1";
const SIG_2_J: &str = "1c3384ca69aa54e332e3f2fed952cdc4564594f66b592d3a4d2ce4d55a36cf16207ae27cc8a99f5bff655455912b5dafef3ac0a48df47ded3e1a0fd8899d5205";
const SIG_2_G: &str = "70f7555b4a3e38773703edee1d98c9005166d6726af24a386473f99d7677a1c164b51344678aee46ee7b7b11f85ad85907ab7f6f3045c78f511e8d4f6a9f3205";

fn first() -> String {
    format!(
        r#"{{"id":"01234567-89ab-cdef-0123-456789abcdef","sessionId":"sess-abc","ts":"2026-01-01T00:00:00.000Z","kind":"command","source":"terminal","v":1,"data":{{"exitCode":0,"command":"ls -la","durationMs":42}},"sig":"{SIG_1}"}}"#
    )
}

/// As Go writes it, escapes and all.
fn second(sig: &str) -> String {
    format!(
        r#"{{"id":"11111111-2222-4333-8444-555555555555","sessionId":"sess-abc","ts":"2026-01-01T00:00:01.5Z","kind":"command","source":"claude-code","v":1,"data":{{"big":1e+21,"command":"a \u0026\u0026 b \u003e \u2028 \"é\"","exitCode":1,"nested":{{"a":[true,2.5],"z":null}},"ratio":0.0000015}},"sig":"{sig}","prevSig":"{SIG_1}"}}"#
    )
}

/// A candidate of a new organisation whose session is called `sess-abc`, with the key of the vectors.
async fn of_the_vectors(app: &TestApp) -> (User, User) {
    let reviewer = app.other_org().await;
    let terms = json!({"title": "a", "role": "b", "taskBrief": "c"});
    let made = reviewer.post("/v1/assessments", terms).await.expect(201);
    let keys = format!("/v1/assessments/{}/keys", made["assessment"]["id"].as_str().unwrap());
    let key = reviewer.post(&keys, json!({"count": 1})).await.expect(201)["keys"][0]["key"].clone();
    let tool = app.api_key(key.as_str().unwrap());
    tool.post("/v1/sessions", json!({"id": "sess-abc"})).await.expect(201);
    app.anonymous().post("/v1/candidate/consent", json!({"key": key})).await.expect(200);
    let redeemed = app.anonymous().post("/v1/candidate/redeem", json!({"key": key, "signingPubKey": PUBLIC})).await;
    assert_eq!(redeemed.expect(200)["sessionId"], "sess-abc");
    (reviewer, tool)
}

#[tokio::test]
async fn the_vectors_of_the_contract_verify_in_both_spellings() {
    let app = TestApp::start().await;
    for sig in [SIG_2_J, SIG_2_G] {
        let (reviewer, tool) = of_the_vectors(&app).await;
        // The second overtakes the first.
        tool.post_bytes(INGEST, second(sig)).await.expect(201);
        tool.post_bytes(INGEST, first()).await.expect(201);
        let log = tool.get("/v1/sessions/sess-abc/signed-log").await;
        let rows = log.body["events"].as_array().unwrap();
        assert_eq!((rows.len(), &log.body["signingPubkey"]), (2, &json!(PUBLIC)));
        assert_eq!(
            (&rows[0]["sig"], &rows[0]["prevSig"], &rows[0]["eventHash"]),
            (&json!(SIG_1), &json!(""), &json!(HASH_1))
        );
        assert_eq!((&rows[1]["sig"], &rows[1]["prevSig"]), (&json!(sig), &json!(SIG_1)));
        assert!(rows.iter().all(|row| row["sigVerified"] == true), "{}", log.text);
        for sent in [first(), second(sig)] {
            assert!(log.text.contains(&format!("\"payload\":{sent}")), "byte for byte: {}", log.text);
        }
        assert_eq!(rows[1]["ts"], "2026-01-01T00:00:01.5Z", "the literal time, which was signed");
        let report = reviewer.get("/v1/sessions/sess-abc/integrity").await.expect(200);
        assert_eq!(
            (&report["complete"], &report["verified"], &report["broken"]),
            (&json!(true), &json!(2), &json!([]))
        );
    }
}

async fn register(app: &TestApp, avocet: &Candidate, signer: &Signer) {
    let body = json!({"key": avocet.key, "signingPubKey": signer.public_key()});
    app.anonymous().post("/v1/candidate/redeem", body).await.expect(200);
}

#[tokio::test]
async fn a_signature_that_is_none_loses_no_event() {
    let app = TestApp::start().await;
    let avocet = candidate(&app).await;
    let mut signer = Signer::new([7; 32]);
    register(&app, &avocet, &signer).await;
    let fresh = || {
        let mut sent = event(&avocet.session, "planning", json!({}));
        sent["source"] = json!("claude-code");
        sent
    };
    let signed = |signer: &mut Signer, data: &str| {
        let mut sent = fresh();
        signer.chain(&mut sent, data);
        sent
    };
    let changed = |mut sent: Value, name: &str, value: Value| {
        sent[name] = value;
        sent
    };
    let hex = "ab".repeat(64);
    // A list that the client has not filled is signed as empty and sent as nothing.
    let mut nil = fresh();
    signer.chain(&mut nil, r#"{"todos":[]}"#);
    nil["data"] = json!({"todos": null});
    let rows = vec![
        (signed(&mut signer, "{}"), Some(true)),
        (nil, Some(false)),
        (fresh(), None),
        (changed(fresh(), "sig", json!("")), None),
        (changed(fresh(), "sig", Value::Null), None),
        (changed(fresh(), "sig", json!("00")), Some(false)),
        (changed(fresh(), "sig", json!(hex)), Some(false)),
        (changed(fresh(), "sig", json!(format!("{hex}ab"))), Some(false)),
        (changed(fresh(), "sig", json!("zz".repeat(64))), Some(false)),
        (changed(signed(&mut signer, "{}"), "prevSig", json!("short")), Some(false)),
        (changed(signed(&mut signer, "{}"), "prevSig", json!(hex)), Some(false)),
        (changed(signed(&mut signer, "{}"), "kind", json!("planning_read")), Some(false)),
        (changed(signed(&mut signer, "{}"), "ts", json!("2026-04-01T10:00:00Z")), Some(false)),
        (changed(signed(&mut signer, "{}"), "source", json!("cursor")), Some(false)),
        (changed(signed(&mut signer, "{}"), "actor", json!({"type": "ai"})), Some(true)),
        (changed(signed(&mut signer, "{}"), "rawPayload", json!("x")), Some(true)),
        // Of an object it is the integration that was signed, when there is one.
        (
            changed(signed(&mut signer, "{}"), "source", json!({"integration": "claude-code", "channel": "cli"})),
            Some(true),
        ),
        (changed(signed(&mut signer, "{}"), "source", json!({"emitter": "claude-code"})), Some(true)),
        (changed(signed(&mut signer, "{}"), "source", json!({"channel": "claude-code"})), Some(true)),
        (
            changed(signed(&mut signer, "{}"), "source", json!({"integration": "x", "emitter": "claude-code"})),
            Some(false),
        ),
    ];
    let expected: Vec<_> = rows.iter().map(|(_, verdict)| *verdict).collect();
    for (nth, (sent, _)) in rows.into_iter().enumerate() {
        let reply = avocet.post(INGEST, sent).await;
        assert_eq!(reply.status, 201, "row {nth}: {}", reply.text);
    }
    let verdicts: Vec<_> =
        arrivals(&avocet, &avocet.session).await.iter().map(|row| row["sigVerified"].as_bool()).collect();
    assert_eq!(verdicts, expected);
}

#[tokio::test]
async fn two_that_follow_one_are_a_fork_and_both_are_kept() {
    let app = TestApp::start().await;
    let avocet = candidate(&app).await;
    let mut signer = Signer::new([7; 32]);
    register(&app, &avocet, &signer).await;
    let send = async |signer: &mut Signer| {
        let mut sent = event(&avocet.session, "prompt", json!({}));
        sent["source"] = json!("cli");
        signer.chain(&mut sent, "{}");
        avocet.post(INGEST, sent.clone()).await.expect(201);
        sent["id"].clone()
    };
    send(&mut signer).await;
    let mut other = signer.clone();
    send(&mut signer).await;
    let fork = send(&mut other).await;
    let report = app.reviewer().get(&format!("/v1/sessions/{}/integrity", avocet.session)).await.expect(200);
    let broken = json!([{"eventId": fork, "seq": 3, "reason": "fork"}]);
    assert_eq!((&report["broken"], &report["forks"]), (&broken, &json!(1)));
    assert_eq!((&report["signed"], &report["verified"], &report["complete"]), (&json!(3), &json!(3), &json!(false)));
    avocet.get(&format!("/v1/sessions/{}/integrity", avocet.session)).await.refused(403, "reviewer_only");
}
