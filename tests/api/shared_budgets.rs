//! Budgets count on all nodes together: whichever node is asked, no more is let through than is configured, and no less.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::harness::{Candidate, Node, Reply, TestApp, User, event};

fn count(replies: &[Reply], status: u16) -> u32 {
    u32::try_from(replies.iter().filter(|reply| reply.status == status).count()).unwrap()
}

fn prompts(candidate: &Candidate, count: u32) -> Value {
    let events: Vec<_> = (0..count).map(|_| event(&candidate.session, "prompt", json!({}))).collect();
    json!({"events": events})
}

/// How many cells flowed in since, at most.
fn flowed_in(since: Instant, per_minute: u128) -> u32 {
    u32::try_from(since.elapsed().as_millis() * per_minute / 60_000 + 1).unwrap()
}

/// Plays it again when Redis did not answer a node in time, as on a machine that is busy with something else: each node
/// counts alone then, which is what another test is about.
async fn while_redis_answers(play: impl AsyncFn() -> Option<()>) {
    for _ in 0..4 {
        if play().await.is_some() {
            return;
        }
    }
    panic!("redis never answered in time");
}

/// `None` when one of them counted alone.
fn none_counted_alone(app: &TestApp, nodes: &[&Node]) -> Option<()> {
    let alone = |log: &str| log.contains("redis gives no budgets");
    (!alone(&app.log()) && !nodes.iter().any(|node| alone(&node.log()))).then_some(())
}

async fn at_once(users: &[User], n: usize, path: &str) -> Vec<Reply> {
    join_all((0..n).map(|i| users[i % users.len()].get(path))).await
}

#[tokio::test]
async fn all_nodes_together_let_through_what_is_configured_and_no_more() {
    while_redis_answers(all_nodes_once).await;
}

async fn all_nodes_once() -> Option<()> {
    let app = TestApp::with(&["--requests-per-minute=60"]).await;
    let (node, third) = (app.second_node(), app.second_node());
    let reviewer = app.reviewer();
    let users = [reviewer.clone(), reviewer.clone().at(&node.url()), reviewer.clone().at(&third.url())];
    let began = Instant::now();
    let replies = at_once(&users, 240, "/v1/org").await;
    let let_through = count(&replies, 200);
    none_counted_alone(&app, &[&node, &third])?;
    assert!((60..=60 + flowed_in(began, 60)).contains(&let_through), "{let_through} after {:?}", began.elapsed());
    assert_eq!(let_through + count(&replies, 429), 240);
    for refused in replies.iter().filter(|reply| reply.status == 429) {
        refused.refused(429, "rate_limited");
        assert_eq!((refused.header("x-ratelimit-limit"), refused.header("x-ratelimit-remaining")), ("60", "0"));
        let seconds: u64 = refused.header("retry-after").parse().unwrap();
        assert!((1..=2).contains(&seconds), "{seconds}");
    }
    // It fills up again for all of them together.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let let_through = let_through + count(&at_once(&users, 30, "/v1/org").await, 200);
    none_counted_alone(&app, &[&node, &third])?;
    assert!((62..=60 + flowed_in(began, 60)).contains(&let_through), "{let_through} after {:?}", began.elapsed());
    Some(())
}

#[tokio::test]
async fn a_client_has_all_of_its_budget_at_whichever_node_it_asks() {
    while_redis_answers(one_client_once).await;
}

async fn one_client_once() -> Option<()> {
    // Large enough for nodes to draw ahead.
    let app = TestApp::with(&["--requests-per-minute=320"]).await;
    let (node, reviewer) = (app.second_node(), app.reviewer());
    let far = reviewer.clone().at(&node.url());
    let began = Instant::now();
    for n in 1..=100_u32 {
        let reply = reviewer.get("/v1/org").await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        let left: u32 = reply.header("x-ratelimit-remaining").parse().unwrap();
        assert!(left.abs_diff(320 - n) <= flowed_in(began, 320) + 1, "{left} after {n}");
    }
    let there = count(&at_once(std::slice::from_ref(&far), 300, "/v1/org").await, 200);
    // What the first node has drawn ahead is missed at once, a thirty-second part of the burst at most.
    none_counted_alone(&app, &[&node])?;
    assert!(there + 100 + 10 >= 320, "{there}");
    assert!(there + 100 <= 320 + flowed_in(began, 320), "{there}");
    // And is there again after ten seconds, on top of what flowed in.
    let here = count(&at_once(std::slice::from_ref(&reviewer), 40, "/v1/org").await, 200);
    let all = there + here + 100;
    none_counted_alone(&app, &[&node])?;
    assert!((320..=320 + flowed_in(began, 320)).contains(&all), "{all}");
    Some(())
}

#[tokio::test]
async fn events_are_counted_on_all_nodes_too() {
    while_redis_answers(events_once).await;
}

async fn events_once() -> Option<()> {
    let flags = ["--ingest-per-minute=60", "--ingest-burst=100", "--stream-per-minute=60", "--stream-burst=100"];
    let app = TestApp::with(&flags).await;
    let node = app.second_node();
    let avocet = app.candidate(&app.assessment().await).await;
    let both = [User::clone(&avocet), User::clone(&avocet).at(&node.url())];
    let began = Instant::now();
    let replies = join_all((0..8).map(|n| both[n % 2].post("/v1/hooks/ingest/batch", prompts(&avocet, 30)))).await;
    let accepted: u64 = replies.iter().map(|reply| reply.body["accepted"].as_u64().unwrap()).sum();
    let accepted = u32::try_from(accepted).unwrap();
    none_counted_alone(&app, &[&node])?;
    assert!((100..=100 + flowed_in(began, 60)).contains(&accepted), "{accepted}");

    let began = Instant::now();
    let mut statuses = BTreeMap::<u64, u32>::new();
    let mut slow = 0;
    let mut sockets = Vec::new();
    for user in &both {
        let mut socket = user.connect("/v1/stream").await.ok().unwrap();
        assert_eq!(socket.next().await["type"], "hello");
        sockets.push(socket);
    }
    for socket in &mut sockets {
        let mut batch = prompts(&avocet, 80);
        batch["type"] = json!("batch");
        socket.send(batch).await;
    }
    for socket in &mut sockets {
        let mut answered = 0;
        while answered < 80 {
            let message = socket.next().await;
            slow += u32::from(message["type"] == "slow");
            for result in message["results"].as_array().into_iter().flatten() {
                answered += 1;
                *statuses.entry(result["status"].as_u64().unwrap()).or_default() += 1;
            }
        }
    }
    none_counted_alone(&app, &[&node])?;
    let recorded = statuses[&201];
    assert!((100..=100 + flowed_in(began, 60)).contains(&recorded), "{statuses:?}");
    assert_eq!(recorded + statuses[&429], 160, "{statuses:?}");
    assert!(slow >= 1);
    Some(())
}

#[tokio::test]
async fn guesses_are_counted_on_all_nodes_and_close_the_door_of_all() {
    while_redis_answers(guesses_once).await;
}

async fn guesses_once() -> Option<()> {
    let app = TestApp::with(&["--guesses-per-minute=5", "--trust-forwarded-for"]).await;
    let node = app.second_node();
    let keys = app.keys(&app.assessment().await, 2).await;
    let from = |address: &str| {
        let user = app.anonymous().with_header("x-forwarded-for", address);
        [user.clone(), user.at(&node.url())]
    };
    let redeem = async |user: &User, key: String| user.post("/v1/candidate/redeem", json!({"key": key})).await;
    let guesser = from("203.0.113.7");
    let wrong = |n: usize| format!("PST-ABCD-{:04}", 2000 + n);
    let replies = join_all((0..40).map(|n| redeem(&guesser[n % 2], wrong(n)))).await;
    none_counted_alone(&app, &[&node])?;
    assert_eq!(count(&replies, 404), 5, "as many as are allowed, asked all at once");
    assert_eq!(count(&replies, 429), 35);
    for user in &guesser {
        redeem(user, keys[0]["key"].as_str().unwrap().to_owned()).await.refused(429, "rate_limited");
        // What cannot be a key at all is a guess as well.
        redeem(user, "nonsense".to_owned()).await.refused(429, "rate_limited");
    }
    // From elsewhere everything goes on, at both; the second finds its door closed by what was done at the first.
    let other = from("203.0.113.8");
    redeem(&other[0], keys[0]["key"].as_str().unwrap().to_owned()).await.refused(403, "consent_required");
    for n in 0..5 {
        redeem(&other[0], wrong(n)).await.refused(404, "key_not_found");
    }
    none_counted_alone(&app, &[&node])?;
    redeem(&other[1], keys[1]["key"].as_str().unwrap().to_owned()).await.refused(429, "rate_limited");
    Some(())
}

#[tokio::test]
async fn without_redis_each_node_goes_on_counting_alone() {
    let mut app = TestApp::with(&["--public-requests-per-minute=5"]).await;
    let key = app.keys(&app.assessment().await, 1).await.remove(0);
    let path = format!("/v1/candidate/consent?key={}", key["key"].as_str().unwrap());
    app.anonymous().get(&path).await.expect(200);
    app.anonymous().get(&path).await.expect(200);
    app.kill_redis();
    for _ in 0..3 {
        app.anonymous().get(&path).await.refused(503, "unavailable");
    }
    app.anonymous().get(&path).await.refused(429, "rate_limited");
    assert!(app.log().contains("redis gives no budgets"), "the operator is told");
}
