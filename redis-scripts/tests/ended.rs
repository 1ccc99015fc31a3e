//! Sessions that have ended, page by page, while others end and some are erased.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;

use domain::{OrgId, Timestamp};
use redis_scripts::{
    Config, EndedSession, Redis,
    keys::{OrgKeys, SessionFilter},
};

const BEGAN: i64 = 1_790_000_000_000;

/// Puts sessions into the index, or takes them out.
async fn change(server: &test_support::Redis, org: OrgId, command: &str, sessions: &[(i64, String)]) {
    let client = redis::Client::open(server.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let is_new = command == "ZADD";
    let mut command = redis::cmd(command);
    command.arg(OrgKeys::of(org).sessions(SessionFilter::Status("ended")));
    for (started, name) in sessions {
        if is_new {
            command.arg(started);
        }
        command.arg(name);
    }
    let () = command.query_async(&mut connection).await.unwrap();
}

#[tokio::test]
async fn none_that_was_there_all_the_time_is_passed_over_or_given_twice() {
    let server = test_support::Redis::start();
    let redis = Redis::new(&Config::new(server.url())).unwrap();
    redis.mark_new().await.unwrap();
    let (org, _) = redis.create_org("Acme", Timestamp::from_millis(BEGAN)).await.unwrap();
    // More in one millisecond than a page holds, and some before and after it.
    let started = |number: i64| if (10..40).contains(&number) { BEGAN + 10 } else { BEGAN + number };
    let all: Vec<(i64, String)> = (0..60).map(|number| (started(number), format!("s-{number:02}"))).collect();
    change(&server, org, "ZADD", &all).await;

    let mut given: Vec<EndedSession> = Vec::new();
    let mut erased = BTreeSet::new();
    loop {
        let page = redis.ended_sessions_after(org, given.last(), 7).await.unwrap();
        if page.is_empty() {
            break;
        }
        // What was given is erased, every second of it, and others end that began before and after.
        let gone: Vec<_> = page.iter().step_by(2).map(|ended| (0, ended.session.as_str().to_owned())).collect();
        change(&server, org, "ZREM", &gone).await;
        erased.extend(gone.into_iter().map(|(_, name)| name));
        let number = i64::try_from(given.len()).unwrap();
        change(&server, org, "ZADD", &[(BEGAN - 1 - number, format!("early-{number}"))]).await;
        given.extend(page);
    }
    let names: Vec<&str> = given.iter().map(|ended| ended.session.as_str()).collect();
    let expected: Vec<&str> = all.iter().map(|(_, name)| name.as_str()).collect();
    assert_eq!(names, expected);
    assert!(erased.len() >= 30, "it was about sessions that go while others are read");
    assert_eq!(redis.ended_sessions_after(org, None, 3).await.unwrap().len(), 3);
}
