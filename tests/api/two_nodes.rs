//! Two nodes on the same stores: whatever many ask both for at the same moment happens once.

use std::collections::{BTreeMap, HashSet};

use futures_util::future::join_all;
use serde_json::json;

use crate::harness::{Reply, TestApp, User, event, eventually};
use crate::playing::{seqs, session, statuses, timeline};

/// Asks fifty times at once, at one node and the other in turn.
async fn fifty<F: Future<Output = Reply>>(users: &[User; 2], ask: impl Fn(User) -> F) -> Vec<Reply> {
    join_all((0..50).map(|n| ask(users[n % 2].clone()))).await
}

fn counted(replies: &[Reply]) -> BTreeMap<u16, usize> {
    let mut counts = BTreeMap::new();
    for reply in replies {
        *counts.entry(reply.status).or_default() += 1;
    }
    counts
}

#[tokio::test]
async fn a_session_is_begun_written_and_ended_once_whichever_node_is_asked() {
    let app = TestApp::start().await;
    let node = app.second_node();
    let on_both = |user: User| [user.clone(), user.at(&node.url())];
    let assessment = app.assessment().await;
    let key = app.keys(&assessment, 1).await.remove(0);
    let (anonymous, reviewer) = (on_both(app.anonymous()), on_both(app.reviewer()));
    anonymous[1].post("/v1/candidate/consent", json!({"key": key["key"]})).await.expect(200);

    let redeem = json!({"key": key["key"]});
    let redeemed = fifty(&anonymous, |user| {
        let redeem = redeem.clone();
        async move { user.post("/v1/candidate/redeem", redeem).await }
    })
    .await;
    assert_eq!(counted(&redeemed), BTreeMap::from([(200, 50)]));
    let text = |reply: &Reply, name: &str| reply.body[name].as_str().unwrap().to_owned();
    let sessions: HashSet<_> = redeemed.iter().map(|reply| text(reply, "sessionId")).collect();
    assert_eq!(sessions.len(), 1);
    let own = sessions.into_iter().next().unwrap();
    assert_eq!(reviewer[1].get("/v1/sessions").await.expect(200)["total"], 1);

    // A token of one node opens the session on the other.
    let tool = on_both(app.api_key(&text(&redeemed[0], "sessionToken")));
    for nth in 1..=3 {
        let same = event(&own, "prompt", json!({"text": "once"}));
        let replies = fifty(&tool, |user| {
            let same = same.clone();
            async move { user.post("/v1/hooks/ingest", same).await }
        })
        .await;
        assert_eq!(counted(&replies), BTreeMap::from([(201, 1), (200, 49)]), "round {nth}");
    }
    let events: Vec<_> = (0..20).map(|_| event(&own, "prompt", json!({}))).collect();
    let replies = fifty(&tool, |user| {
        let events = json!({"events": events});
        async move { user.post("/v1/hooks/ingest/batch", events).await }
    })
    .await;
    let recorded = replies.iter().flat_map(|reply| statuses(&reply.body["results"])).filter(|status| *status == 201);
    assert_eq!(recorded.count(), 20);
    for user in &tool {
        let mut rows = seqs(&timeline(user, &own).await);
        rows.sort_unstable();
        assert_eq!(rows, (1..=23).collect::<Vec<_>>(), "without gap and repeat, on either node");
    }

    let made = fifty(&reviewer, |user| async move { user.post("/v1/sessions", json!({"id": "one"})).await }).await;
    assert_eq!(counted(&made), BTreeMap::from([(201, 1), (409, 49)]));

    let complete = json!({"sessionId": own, "key": key["key"]});
    let completed = fifty(&anonymous, |user| {
        let complete = complete.clone();
        async move { user.post("/v1/candidate/complete", complete).await }
    })
    .await;
    assert_eq!(counted(&completed), BTreeMap::from([(200, 50)]));
    let times: HashSet<_> = completed.iter().map(|reply| text(reply, "completedAt")).collect();
    assert_eq!(times.len(), 1, "{times:?}");
    assert_eq!(session(&reviewer[0], &own).await, session(&reviewer[1], &own).await);
}

#[tokio::test]
async fn what_one_node_takes_away_the_other_does_not_let_in() {
    let app = TestApp::start().await;
    let node = app.second_node();
    let (there, assessment) = (app.reviewer().at(&node.url()), app.assessment().await);
    let avocet = app.candidate(&assessment).await;
    let made = there.post("/v1/org/api-keys", json!({"name": "a", "scopes": ["read"]})).await.expect(201);
    let short_lived = app.bearer(made["secret"].as_str().unwrap());
    let far = User::clone(&avocet).at(&node.url());
    // Both nodes have seen the credentials before they are taken away at the other.
    for user in [&short_lived, &short_lived.at(&node.url()), &avocet, &far] {
        user.get("/v1/sessions").await.expect(200);
    }
    let post = async |user: &User| user.post("/v1/hooks/ingest", event(&avocet.session, "prompt", json!({}))).await;
    for user in [&avocet, &far, &avocet, &far] {
        post(user).await.expect(201);
    }
    there.delete(&format!("/v1/org/api-keys/{}", made["apiKey"]["id"].as_str().unwrap())).await.expect(200);
    short_lived.get("/v1/sessions").await.refused(401, "unauthorized");
    app.reviewer().delete(&format!("/v1/assessments/{assessment}/keys/{}", avocet.key_id)).await.expect(200);
    post(&avocet).await.refused(401, "unauthorized");
    far.get("/v1/sessions").await.refused(401, "unauthorized");
    // Its events are known there by a message, which may be a moment on its way; from then on there is no way back.
    eventually("the other node to hear of it", async || (post(&far).await.status == 401).then_some(())).await;
    for user in [&far, &avocet, &far] {
        post(user).await.refused(401, "unauthorized");
    }
    let ticket = there.post("/v1/live-tickets", json!({})).await.expect(201)["ticket"].clone();
    let live = format!("/v1/sessions/{}/live?ticket={}", avocet.session, ticket.as_str().unwrap());
    assert!(app.anonymous().connect(&live).await.is_ok(), "a ticket of one node opens a socket at the other");
    let again = app.anonymous().at(&node.url()).connect(&live).await.err().expect("refused");
    again.refused(401, "unauthorized");
}
