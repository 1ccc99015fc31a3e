//! Events that are signed and chained up, as the command-line client signs, sends and verifies them.

use domain::testing::Signer;
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::harness::{Candidate, Reply, TestApp, User, eventually};
use crate::playing::{arrivals, candidate, timeline, watch_to, watcher_after};

/// A payload as Go puts it on the wire, and its canonical text in the two spellings that signers have.
struct Data {
    wire: &'static str,
    j: &'static str,
    g: &'static str,
}

#[derive(Debug, Clone, Copy)]
pub enum Spelling {
    J,
    G,
}

const DATA: [Data; 3] = [
    Data {
        wire: r#"{"command":"make \u0026\u0026 echo \u003cok\u003e","durationMs":12.50,"exitCode":0}"#,
        j: r#"{"command":"make && echo <ok>","durationMs":12.5,"exitCode":0}"#,
        g: r#"{"command":"make \u0026\u0026 echo \u003cok\u003e","durationMs":12.5,"exitCode":0}"#,
    },
    Data {
        wire: r#"{"command":"cat ö\u2028","stdout":"cut \ufffd","durationMs":1e-7}"#,
        j: "{\"command\":\"cat ö\u{2028}\",\"durationMs\":1e-7,\"stdout\":\"cut \u{fffd}\"}",
        g: r#"{"command":"cat ö\u2028","durationMs":1e-7,"stdout":"cut \ufffd"}"#,
    },
    Data {
        wire: r#"{"command":"ls","tokens":1000000000000000000000,"exitCode":null}"#,
        j: r#"{"command":"ls","exitCode":null,"tokens":1e+21}"#,
        g: r#"{"command":"ls","exitCode":null,"tokens":1e+21}"#,
    },
];

/// A signed event.
pub struct Signed {
    id: String,
    ts: String,
    canonical: &'static str,
    sig: String,
    prev_sig: String,
    pub wire: String,
}

/// The next `n` events of a client, each with the bytes of Go's `json.Marshal`.
pub fn sign(signer: &mut Signer, session: &str, n: usize, spelling: Spelling) -> Vec<Signed> {
    (0..n).map(|nth| sign_one(signer, session, nth, spelling)).collect()
}

fn sign_one(signer: &mut Signer, session: &str, nth: usize, spelling: Spelling) -> Signed {
    let data = &DATA[nth % DATA.len()];
    let canonical = match spelling {
        Spelling::J => data.j,
        Spelling::G => data.g,
    };
    let (id, ts) = (Uuid::new_v4().to_string(), format!("2026-04-01T10:{:02}:{:02}.123456789Z", nth / 60, nth % 60));
    let mut envelope = json!({"id": id, "sessionId": session, "ts": ts, "kind": "command", "source": "claude-code"});
    let prev_sig = signer.last.clone();
    signer.chain(&mut envelope, canonical);
    let sig = signer.last.clone();
    let prev = if prev_sig.is_empty() { String::new() } else { format!(r#","prevSig":"{prev_sig}""#) };
    let wire = format!(
        r#"{{"id":"{id}","sessionId":"{session}","ts":"{ts}","kind":"command","source":"claude-code","v":1,"data":{},"actor":{{"type":"ai","role":"x"}},"rawPayload":"not \u0026 signed","sig":"{sig}"{prev}}}"#,
        data.wire
    );
    Signed { id, ts, canonical, sig, prev_sig, wire }
}

async fn post(user: &User, event: &str) -> Reply {
    user.post_bytes("/v1/hooks/ingest", event).await
}

/// Redeems again with a public key, as `start` run twice does.
pub async fn register(app: &TestApp, candidate: &Candidate, signer: &Signer) {
    let body = json!({"key": candidate.key, "signingPubKey": signer.public_key()});
    let redeemed = app.anonymous().post("/v1/candidate/redeem", body).await.expect(200);
    assert_eq!(redeemed["sessionId"], json!(candidate.session));
}

async fn signed_log(user: &User, session: &str) -> Reply {
    user.call(Method::GET, &format!("/v1/sessions/{session}/signed-log")).await
}

async fn integrity(app: &TestApp, session: &str) -> Value {
    app.reviewer().get(&format!("/v1/sessions/{session}/integrity")).await.expect(200)
}

fn verdicts(rows: &[Value]) -> Vec<Option<bool>> {
    rows.iter().map(|row| row["sigVerified"].as_bool()).collect()
}

/// Walks the log as the client's `verify` does: every row is signed, names the row before it, and its signature is
/// what the key makes of it. The same text is signed the same way each time, so signing again verifies.
fn verify(reply: &Reply, signer: &Signer, sent: &[Signed]) {
    let mut previous = String::new();
    let rows = reply.body["events"].as_array().unwrap();
    assert_eq!(rows.len(), sent.len());
    for (row, event) in rows.iter().zip(sent) {
        let payload = &row["payload"];
        let word = |name: &str| payload[name].as_str().unwrap();
        assert_eq!((&row["sig"], &row["prevSig"]), (&payload["sig"], &json!(previous)));
        let hash = |text: &str| -> String { Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect() };
        let message = format!(
            "PST-EVT-V1\n{}\n{}\n{}\n{}\n{}\n{}\n{}\n{previous}\n",
            word("id"),
            word("sessionId"),
            word("ts"),
            word("kind"),
            word("source"),
            payload["v"],
            hash(event.canonical),
        );
        assert_eq!(row["sig"], json!(signer.sign(&message)));
        assert_eq!(row["eventHash"], json!(hash(&message)));
        assert_eq!((&row["id"], &row["ts"]), (&json!(event.id), &json!(event.ts)));
        assert_eq!(row["sigVerified"], true);
        assert!(reply.text.contains(&format!(r#""payload":{}"#, event.wire)), "the payload is what was sent");
        previous = row["sig"].as_str().unwrap().to_owned();
    }
}

#[tokio::test]
async fn a_whole_chain_verifies_in_both_spellings_whatever_the_order_of_arrival() {
    let app = TestApp::start().await;
    for spelling in [Spelling::J, Spelling::G] {
        let avocet = candidate(&app).await;
        let mut signer = Signer::new([9; 32]);
        register(&app, &avocet, &signer).await;
        let sent = sign(&mut signer, &avocet.session, 7, spelling);
        for nth in [3, 0, 6, 1, 5, 2, 4] {
            assert_eq!(post(&avocet, &sent[nth].wire).await.expect(201)["id"], json!(sent[nth].id));
        }
        assert_eq!(post(&avocet, &sent[3].wire).await.expect(200)["skipped"], true);
        for user in [User::clone(&avocet), app.api_key(&avocet.key), app.reviewer()] {
            let log = signed_log(&user, &avocet.session).await;
            assert_eq!(log.status, 200, "{}", log.text);
            assert_eq!(log.body["sessionId"], json!(avocet.session));
            assert_eq!(log.body["signingPubkey"], json!(signer.public_key()));
            verify(&log, &signer, &sent);
        }
        let expected = json!({"signed": 7, "verified": 7, "broken": [], "complete": true, "gaps": 0, "forks": 0});
        assert_eq!(integrity(&app, &avocet.session).await, expected, "{spelling:?}");
        assert_eq!(verdicts(&timeline(&avocet, &avocet.session).await), [Some(true); 7]);
    }
}

#[tokio::test]
async fn a_missing_and_a_tampered_event_are_told_apart_and_nothing_is_refused() {
    let app = TestApp::start().await;
    let avocet = candidate(&app).await;
    let mut signer = Signer::new([9; 32]);
    register(&app, &avocet, &signer).await;
    // So many that they are checked off the thread of the request.
    let mut sent = sign(&mut signer, &avocet.session, 30, Spelling::G);
    let tampered = sent[20].wire.replace(r#""command":"ls""#, r#""command":"lt""#);
    assert_ne!(tampered, sent[20].wire);
    sent[20].wire = tampered;
    let missing = sent.remove(10);
    let unsigned = format!(
        r#"{{"id":"{}","sessionId":"{}","ts":"2026-04-01T11:00:00Z","kind":"prompt","source":"cli","v":1,"data":{{}}}}"#,
        Uuid::new_v4(),
        avocet.session
    );
    let events: Vec<_> = sent.iter().map(|event| event.wire.as_str()).chain([unsigned.as_str()]).collect();
    let body = format!(r#"{{"events":[{}]}}"#, events.join(","));
    let reply = avocet.post_bytes("/v1/hooks/ingest/batch", body).await.expect(207);
    assert_eq!((&reply["accepted"], &reply["rejected"]), (&json!(30), &json!(0)));

    let expected = json!({
        "signed": 29, "verified": 28, "complete": false, "gaps": 1, "forks": 0,
        "broken": [
            {"eventId": sent[10].id, "seq": 11, "reason": "gap"},
            {"eventId": sent[19].id, "seq": 20, "reason": "bad_signature"},
        ],
    });
    assert_eq!(integrity(&app, &avocet.session).await, expected);
    assert_eq!(sent[10].prev_sig, missing.sig);
    let log = signed_log(&avocet, &avocet.session).await.expect(200);
    let ids: Vec<_> = log["events"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap()).collect();
    assert_eq!(ids, sent.iter().map(|event| event.id.as_str()).collect::<Vec<_>>());

    let mut verdict = vec![Some(true); 30];
    (verdict[19], verdict[29]) = (Some(false), None);
    assert_eq!(verdicts(&arrivals(&avocet, &avocet.session).await), verdict);
    let mut watcher = watcher_after(&app.reviewer(), &avocet.session, 0).await;
    assert_eq!(verdicts(&watch_to(&mut watcher, 1, 30).await), verdict);
    eventually("ClickHouse to have the verdicts", async || {
        let query = "SELECT+countIf(sig_verified),+countIf(NOT+sig_verified),+count()+FROM+promptster.events";
        let counts = reqwest::get(format!("{}/?query={query}", app.clickhouse_url())).await.unwrap();
        (counts.text().await.unwrap().trim() == "28\t1\t30").then_some(())
    })
    .await;
    assert_eq!(integrity(&app, &avocet.session).await, expected);
    // What was missing comes late, and the chain closes.
    post(&avocet, &missing.wire).await.expect(201);
    let report = integrity(&app, &avocet.session).await;
    assert_eq!((&report["gaps"], &report["verified"], &report["signed"]), (&json!(0), &json!(29), &json!(30)));
}

#[tokio::test]
async fn every_key_that_was_registered_counts_and_without_one_there_is_no_verdict() {
    let app = TestApp::start().await;
    let avocet = candidate(&app).await;
    let (mut old, mut new) = (Signer::new([1; 32]), Signer::new([2; 32]));
    let none = json!({"sessionId": avocet.session, "signingPubkey": "", "events": []});
    assert_eq!(signed_log(&avocet, &avocet.session).await.expect(200), none);
    let report = json!({"signed": 0, "verified": 0, "broken": [], "complete": false, "gaps": 0, "forks": 0});
    assert_eq!(integrity(&app, &avocet.session).await, report);

    let early = sign(&mut Signer::new([1; 32]), &avocet.session, 1, Spelling::J);
    post(&avocet, &early[0].wire).await.expect(201);
    let mut socket = avocet.stream().await;
    register(&app, &avocet, &old).await;
    register(&app, &avocet, &new).await;
    let by_old = sign(&mut old, &avocet.session, 1, Spelling::J);
    let by_new = sign(&mut new, &avocet.session, 2, Spelling::J);
    // The socket is older than the keys.
    for event in [&by_old[0], &by_new[0]] {
        socket.send_text(&format!(r#"{{"type":"event","event":{}}}"#, event.wire)).await;
        let ack = socket.next_of("ack").await;
        assert_eq!(ack["results"][0]["status"], 201, "{ack}");
    }
    post(&avocet, &by_new[1].wire).await.expect(201);
    let rows = arrivals(&avocet, &avocet.session).await;
    assert_eq!(verdicts(&rows), [None, Some(true), Some(true), Some(true)]);
    let log = signed_log(&avocet, &avocet.session).await.expect(200);
    assert_eq!(log["signingPubkey"], json!(new.public_key()));
    let report = integrity(&app, &avocet.session).await;
    let reasons: Vec<_> = report["broken"].as_array().unwrap().iter().map(|broken| &broken["reason"]).collect();
    assert_eq!(reasons, ["restart", "restart"], "each key begins a chain of its own");
    assert_eq!((&report["signed"], &report["verified"]), (&json!(4), &json!(3)));
}
