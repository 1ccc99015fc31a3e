//! Fifty at once: whatever many ask for at the same moment happens once, and nothing of it is lost.

use std::collections::{BTreeMap, HashSet};

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::harness::{Reply, TestApp, User, event};
use crate::playing::{candidate, session, statuses, timeline};

/// The replies to fifty of these requests at once.
async fn fifty<F: Future<Output = Reply>>(ask: impl Fn(usize) -> F) -> Vec<Reply> {
    join_all((0..50).map(ask)).await
}

/// How many replies have each status.
fn counted(replies: &[Reply]) -> BTreeMap<u16, usize> {
    let mut counts = BTreeMap::new();
    for reply in replies {
        *counts.entry(reply.status).or_default() += 1;
    }
    counts
}

fn only(status: u16) -> BTreeMap<u16, usize> {
    BTreeMap::from([(status, 50)])
}

fn one(status: u16, others: u16) -> BTreeMap<u16, usize> {
    BTreeMap::from([(status, 1), (others, 49)])
}

#[tokio::test]
async fn of_fifty_who_make_a_session_one_does() {
    let app = TestApp::start().await;
    let reviewer = app.reviewer();
    let replies = fifty(|n| reviewer.post("/v1/sessions", json!({"id": "one:1", "metadata": {"n": n}}))).await;
    assert_eq!(counted(&replies), one(201, 409));
    for reply in replies.iter().filter(|reply| reply.status == 409) {
        reply.refused(409, "session_exists");
        assert_eq!((&reply.body["id"], &reply.body["error"]), (&json!("one:1"), &json!("Session already exists")));
    }
    let made = replies.into_iter().find(|reply| reply.status == 201).unwrap().expect(201);
    assert_eq!(made["session"], session(&reviewer, "one:1").await, "what the winner was told is what is there");
    assert_eq!(reviewer.get("/v1/sessions").await.expect(200)["total"], 1);

    // A key gets one session, by whatever name its tools call it.
    let assessment = app.assessment().await;
    let key = app.keys(&assessment, 1).await.remove(0);
    let tool = app.api_key(key["key"].as_str().unwrap());
    let replies = fifty(|n| tool.post("/v1/sessions", json!({"id": format!("own-{}", n % 5)}))).await;
    let made: HashSet<_> =
        replies.iter().filter(|reply| reply.status == 201).map(|reply| &reply.body["session"]["id"]).collect();
    assert_eq!(made.len(), 1, "{:?}", counted(&replies));
    assert!(replies.iter().all(|reply| [201, 403, 409].contains(&reply.status)), "{:?}", counted(&replies));
    let listed = reviewer.get(&format!("/v1/assessments/{assessment}/keys")).await.expect(200);
    assert_eq!(&listed["keys"][0]["sessionId"], *made.iter().next().unwrap());
    let sessions = reviewer.get(&format!("/v1/sessions?assessmentId={assessment}")).await.expect(200);
    assert_eq!(sessions["total"], 1, "nothing is left of the others: {sessions}");
}

#[tokio::test]
async fn fifty_first_events_of_a_key_make_one_session_with_one_event() {
    let app = TestApp::start().await;
    let assessment = app.assessment().await;
    let key = app.keys(&assessment, 1).await.remove(0);
    let tool = app.api_key(key["key"].as_str().unwrap());
    let same = event("own-1", "prompt", json!({"text": "once"}));
    let replies = fifty(|_| tool.post("/v1/hooks/ingest", same.clone())).await;
    assert_eq!(counted(&replies), one(201, 200));
    for reply in &replies {
        let expected = match reply.status {
            201 => json!({"ok": true, "id": same["id"]}),
            _ => json!({"ok": true, "skipped": true}),
        };
        assert_eq!(reply.body, expected);
    }
    assert_eq!(timeline(&tool, "own-1").await.len(), 1);

    // In batches and alone, all at once: each id is 201 once.
    let events: Vec<_> = (0..10).map(|_| event("own-1", "prompt", json!({}))).collect();
    let replies = fifty(|n| {
        let (tool, events) = (&tool, &events);
        async move {
            match n % 2 {
                0 => tool.post("/v1/hooks/ingest", events[n % 10].clone()).await,
                _ => tool.post("/v1/hooks/ingest/batch", json!({"events": events[..n % 10]})).await,
            }
        }
    })
    .await;
    let alone = replies.iter().filter(|reply| reply.status == 201).count();
    let in_batches = replies.iter().filter(|reply| reply.status == 207);
    let in_batches = in_batches.flat_map(|reply| statuses(&reply.body["results"])).filter(|status| *status == 201);
    assert_eq!(alone + in_batches.count(), 9, "the tenth was in no batch and is odd");
    assert_eq!(session(&tool, "own-1").await["eventCount"], 10);
}

#[tokio::test]
async fn redeeming_and_sending_at_once_agree_on_the_session() {
    let app = TestApp::start().await;
    let assessment = app.assessment().await;
    let key = app.keys(&assessment, 1).await.remove(0)["key"].clone();
    let (anonymous, tool) = (app.anonymous(), app.api_key(key.as_str().unwrap()));
    assert_eq!(counted(&fifty(|_| anonymous.post("/v1/candidate/consent", json!({"key": key}))).await), only(200));
    let replies = fifty(|n| {
        let (anonymous, tool, key) = (&anonymous, &tool, &key);
        async move {
            match n % 2 {
                0 => anonymous.post("/v1/candidate/redeem", json!({"key": key})).await,
                _ => tool.post("/v1/hooks/ingest", event("own-1", "prompt", json!({}))).await,
            }
        }
    })
    .await;
    let redeemed: HashSet<_> =
        replies.iter().step_by(2).map(|reply| reply.clone().expect(200)["sessionId"].to_string()).collect();
    assert_eq!(redeemed.len(), 1, "{redeemed:?}");
    let taken = replies.iter().skip(1).step_by(2).filter(|reply| reply.status == 201).count();
    // Whoever was first has named the session; of the others nothing is written elsewhere.
    let expected = if redeemed.contains("\"own-1\"") { 25 } else { 0 };
    assert_eq!(taken, expected, "{:?}", counted(&replies));
    let listed = app.reviewer().get("/v1/sessions").await.expect(200);
    assert_eq!((&listed["total"], listed["sessions"].as_array().unwrap().len()), (&json!(1), 1), "{listed}");
    let chosen: String = serde_json::from_str(redeemed.iter().next().unwrap()).unwrap();
    assert_eq!(session(&tool, &chosen).await["eventCount"], taken);
}

#[tokio::test]
async fn fifty_changes_of_different_fields_are_all_kept() {
    let app = TestApp::start().await;
    let (reviewer, id) = (app.reviewer(), app.assessment().await);
    let path = format!("/v1/assessments/{id}");
    for round in 0..5 {
        let fields = [
            ("title", json!(format!("t{round}"))),
            ("role", json!(format!("r{round}"))),
            ("taskBrief", json!(format!("b{round}"))),
            ("timeLimitMinutes", json!(100 + round)),
            ("expiresInDays", json!(10 + round)),
        ];
        let changes = fields.iter().map(|(name, value)| reviewer.patch(&path, json!({(*name): value})));
        for reply in join_all(changes).await {
            reply.expect(200);
        }
        let after = reviewer.get(&path).await.expect(200)["assessment"].clone();
        for (name, value) in fields {
            assert_eq!(after[name], value, "round {round}");
        }
    }
    let avocet = candidate(&app).await;
    let path = format!("/v1/sessions/{}", avocet.session);
    let ends: Vec<_> = (0..50).map(|n| format!("2026-04-01T10:00:{n:02}.000Z")).collect();
    let replies = fifty(|n| reviewer.patch(&path, json!({"endedAt": ends[n]}))).await;
    assert_eq!(counted(&replies), only(200));
    let ended = session(&reviewer, &avocet.session).await;
    assert!(ends.iter().any(|end| ended["endedAt"] == end.as_str()) && ended["status"] == "ended", "{ended}");
}

#[tokio::test]
async fn of_fifty_who_delete_nobody_fails_and_what_is_gone_is_gone() {
    let app = TestApp::start().await;
    let (reviewer, assessment) = (app.reviewer(), app.assessment().await);
    let key = app.keys(&assessment, 1).await.remove(0);
    let api_key = reviewer.post("/v1/org/api-keys", json!({"name": "a", "scopes": ["read"]})).await.expect(201);
    let id = |value: &Value| value.as_str().unwrap().to_owned();
    for path in [
        format!("/v1/org/api-keys/{}", id(&api_key["apiKey"]["id"])),
        format!("/v1/assessments/{assessment}/keys/{}", id(&key["id"])),
        format!("/v1/assessments/{assessment}"),
    ] {
        let replies = fifty(|_| reviewer.delete(&path)).await;
        let counts = counted(&replies);
        assert!(
            counts.contains_key(&200) && counts.keys().all(|status| [200, 404].contains(status)),
            "{path} {counts:?}"
        );
        reviewer.delete(&path).await.refused(404, "not_found");
    }
    app.bearer(&id(&api_key["secret"])).get("/v1/org").await.refused(401, "unauthorized");
    app.anonymous().post("/v1/candidate/redeem", json!({"key": key["key"]})).await.refused(410, "key_revoked");
    assert_eq!(reviewer.get("/v1/assessments").await.body, json!({"assessments": []}));
}

#[tokio::test]
async fn many_who_make_keys_and_tickets_at_once_get_different_ones() {
    let app = TestApp::start().await;
    let (reviewer, avocet) = (app.reviewer(), candidate(&app).await);
    let path = format!("/v1/assessments/{}/keys", avocet.assessment);
    let replies = fifty(|_| reviewer.post(&path, json!({"count": 20}))).await;
    assert_eq!(counted(&replies), only(201));
    let of = |name: &str| -> HashSet<String> {
        let keys = replies.iter().flat_map(|reply| reply.body["keys"].as_array().unwrap());
        keys.map(|key| key[name].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!((of("id").len(), of("key").len()), (1000, 1000));
    assert_eq!(reviewer.get("/v1/candidates").await.expect(200)["total"], 1001);
    let uploads = fifty(|_| avocet.post("/v1/candidate/upload-url", json!({"sessionId": avocet.session}))).await;
    let distinct = |replies: &[Reply], name: &str| {
        replies.iter().map(|reply| reply.body[name].to_string()).collect::<HashSet<_>>().len()
    };
    for name in ["uploadUrl", "token", "objectKey"] {
        assert_eq!(distinct(&uploads, name), 50, "{name}");
    }
    let tickets = fifty(|_| reviewer.post("/v1/live-tickets", json!({}))).await;
    assert_eq!(distinct(&tickets, "ticket"), 50);

    // One ticket, shown fifty times at once, opens one socket.
    let ticket = tickets[0].body["ticket"].as_str().unwrap();
    let (browser, live) = (app.anonymous(), format!("/v1/sessions/{}/live?ticket={ticket}", avocet.session));
    let opened = join_all((0..50).map(|_| browser.connect(&live))).await;
    assert_eq!(opened.iter().filter(|opened| opened.is_ok()).count(), 1);
    for refused in opened.into_iter().filter_map(Result::err) {
        refused.refused(401, "unauthorized");
    }
}

#[tokio::test]
async fn all_who_end_a_session_at_once_agree_when_it_ended() {
    let app = TestApp::start().await;
    let (reviewer, assessment) = (app.reviewer(), app.assessment().await);
    for _ in 0..5 {
        let avocet = app.candidate(&assessment).await;
        let end = event(&avocet.session, "session_end", json!({}));
        let replies = fifty(|n| {
            let (avocet, end) = (&avocet, &end);
            async move {
                match n % 3 {
                    0 => avocet.post("/v1/hooks/ingest", end.clone()).await,
                    _ => avocet.complete().await,
                }
            }
        })
        .await;
        assert!(replies.iter().all(|reply| [200, 201].contains(&reply.status)), "{:?}", counted(&replies));
        let completed: HashSet<_> = replies.iter().filter_map(|reply| reply.body["completedAt"].as_str()).collect();
        assert_eq!(completed.len(), 1, "{completed:?}");
        let ended = session(&reviewer, &avocet.session).await;
        assert_eq!(ended["status"], "ended");
        let keys = reviewer.get(&format!("/v1/assessments/{assessment}/keys")).await.expect(200);
        let key = keys["keys"].as_array().unwrap().iter().find(|key| key["id"] == avocet.key_id.as_str()).unwrap();
        assert_eq!(key["completedAt"], *completed.iter().next().unwrap());
        avocet.complete().await.expect(200);
        assert_eq!(session(&reviewer, &avocet.session).await["endedAt"], ended["endedAt"]);
    }
}

#[tokio::test]
async fn a_mark_is_set_once_by_many_and_taken_back_once() {
    let app = TestApp::start().await;
    let (reviewer, avocet) = (app.reviewer(), candidate(&app).await);
    avocet.complete().await.expect(200);
    let path = format!("/v1/assessments/{}/keys/{}", avocet.assessment, avocet.key_id);
    for word in ["hired", "completed", "hired"] {
        let replies = fifty(|_| reviewer.patch(&path, json!({"status": word}))).await;
        let counts = counted(&replies);
        assert!(counts.contains_key(&200) && counts.keys().all(|status| [200, 409].contains(status)), "{counts:?}");
        let keys = reviewer.get(&format!("/v1/assessments/{}/keys", avocet.assessment)).await.expect(200);
        assert_eq!(keys["keys"][0]["status"], word);
    }
    let user: &User = &avocet;
    let own = user.get(&format!("/v1/sessions/{}", avocet.session)).await.expect(200);
    assert_eq!(own["status"], "ended");
}

#[tokio::test]
async fn fifty_who_merge_metadata_lose_nothing_of_each_other() {
    let app = TestApp::start().await;
    let (reviewer, avocet) = (app.reviewer(), candidate(&app).await);
    let path = format!("/v1/sessions/{}/metadata", avocet.session);
    let replies = fifty(|n| reviewer.patch(&path, json!({(format!("m{n}")): n}))).await;
    assert_eq!(counted(&replies), only(200));
    assert_eq!(session(&avocet, &avocet.session).await["metadata"].as_object().unwrap().len(), 50);
}

#[tokio::test]
async fn fifty_who_replace_metadata_each_succeed_and_one_of_them_stands() {
    let app = TestApp::start().await;
    let (reviewer, avocet) = (app.reviewer(), candidate(&app).await);
    let path = format!("/v1/sessions/{}", avocet.session);
    let replies = fifty(|n| reviewer.patch(&path, json!({"metadata": {"n": n}}))).await;
    assert_eq!(counted(&replies), only(200));
    let n = session(&avocet, &avocet.session).await["metadata"]["n"].as_u64();
    assert!(n.is_some_and(|n| n < 50), "{n:?}");
}
