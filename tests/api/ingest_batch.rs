//! Events by HTTP, many at once.

use serde_json::{Value, json};

use crate::harness::{Candidate, TestApp, event, shown, wrong_fields};
use crate::playing::{arrivals, candidate, ids, prompts, seqs, session, statuses};

const BATCH: &str = "/v1/hooks/ingest/batch";

async fn post(avocet: &Candidate, events: Value) -> Value {
    let n_events = events.as_array().unwrap().len();
    let reply = avocet.post(BATCH, json!({"events": events, "lane": "live"})).await.expect(207);
    let results = reply["results"].as_array().unwrap();
    let indices: Vec<_> = results.iter().map(|result| result["index"].as_u64().unwrap()).collect();
    assert_eq!(indices, (0..u64::try_from(n_events).unwrap()).collect::<Vec<_>>());
    let n_accepted = statuses(&reply["results"]).iter().filter(|status| **status < 300).count();
    let expected = json!({"ok": true, "accepted": n_accepted, "rejected": n_events - n_accepted});
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(reply[name], *value, "{name}");
    }
    reply
}

#[tokio::test]
async fn each_member_has_its_own_fate_in_the_order_of_the_request() {
    let app = TestApp::start().await;
    let avocet = candidate(&app).await;
    let sent = prompts(&avocet.session, 1..=5);
    post(&avocet, json!([sent[0]])).await;
    let mut wrong = event(&avocet.session, "command", json!({"exitCode": "0"}));
    wrong["id"] = json!("x");
    let foreign = event("another-session", "prompt", json!({}));
    let members = json!([sent[0], sent[3], wrong, sent[1], sent[1], foreign, 7, null, [], {}, sent[2], sent[3]]);
    let reply = post(&avocet, members).await;
    assert_eq!(statuses(&reply["results"]), [200, 201, 400, 201, 200, 403, 400, 400, 400, 400, 201, 200]);
    assert_eq!(
        (&reply["results"][1]["id"], &reply["results"][5]["code"]),
        (&sent[3]["id"], &json!("session_mismatch"))
    );
    let replies = avocet.post(BATCH, json!({"events": [sent[0], sent[4], {"id": sent[1]["id"]}, "x"]})).await;
    insta::assert_json_snapshot!("batch", shown(&replies));
    let rows = arrivals(&avocet, &avocet.session).await;
    let expected = [&sent[0], &sent[3], &sent[1], &sent[2], &sent[4]].map(|event| event["id"].as_str().unwrap());
    assert_eq!((ids(&rows), seqs(&rows)), (expected.to_vec(), (1..=5).collect()));
    insta::assert_json_snapshot!("batch_of_nothing", shown(&avocet.post(BATCH, json!({"events": []})).await));
}

#[tokio::test]
async fn a_batch_holds_five_hundred_events_and_is_refused_only_as_a_whole_that_is_wrong() {
    let app = TestApp::with(&["--ingest-burst", "5000"]).await;
    let avocet = candidate(&app).await;
    let mut sent = prompts(&avocet.session, 1..=501);
    avocet.post(BATCH, json!({"events": sent})).await.refused(400, "batch_too_large");
    assert_eq!(session(&avocet, &avocet.session).await["eventCount"], 0);
    sent.pop();
    let reply = post(&avocet, json!(sent)).await;
    assert_eq!(reply["accepted"], 500);
    assert_eq!(post(&avocet, json!(sent)).await["accepted"], 500);
    assert_eq!(ids(&arrivals(&avocet, &avocet.session).await), ids(&sent));

    for (body, path) in
        [(json!({}), "events"), (json!({"events": {}}), "events"), (json!({"events": null}), "events"), (json!([]), "")]
    {
        let refused = avocet.post(BATCH, body).await;
        refused.refused(400, "validation_failed");
        assert_eq!(wrong_fields(&refused), [path]);
    }
    for body in ["", "{", "{\"events\":[}", "nothing"] {
        avocet.post_bytes(BATCH, body).await.refused(400, "invalid_json");
    }
    app.anonymous().post(BATCH, json!({"events": []})).await.refused(401, "unauthorized");
    app.reviewer().post(BATCH, json!({"events": []})).await.refused(403, "candidate_only");
}
